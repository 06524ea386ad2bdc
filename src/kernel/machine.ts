/** A life cycle as one table. Illegal moves are what the table does not list. */
export interface Machine<State extends string> {
  readonly kind: 'machine';
  readonly name: string;
  readonly initial: State;
  readonly moves: Readonly<Record<State, readonly State[]>>;
  can(from: State, to: State): boolean;
  /** Mermaid source of the diagram, in the order of the table. */
  draw(): string;
}

export function machine<State extends string>(name: string, initial: State, moves: Readonly<Record<State, readonly State[]>>): Machine<State> {
  return {
    kind: 'machine', name, initial, moves,
    can: (from, to) => moves[from].includes(to),
    draw: () => [
      'stateDiagram-v2', `  [*] --> ${initial}`,
      ...(Object.keys(moves) as State[]).flatMap((from) => (moves[from].length ? moves[from].map((to) => `  ${from} --> ${to}`) : [`  ${from} --> [*]`])),
    ].join('\n'),
  };
}
