/**
 * Spans of work, for whoever looks at where time goes: request → batch → section, and calls. An app brings a Tracer; without one none is made
 * and nothing is asked but whether there is one. Attributes are codes, ids of tenants and counts; never personal data.
 */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  set(attributes: Attributes): void;
  /** Marks the span as failed, by the error's name: messages quote values. */
  fail(error: unknown): void;
  end(): void;
}

export interface SpanOptions {
  readonly kind: 'request' | 'inside' | 'call';
  /** The W3C trace id of a span that has no parent here. */
  readonly trace?: string;
  /** The caller's own span id, where its `traceparent` named one. */
  readonly caller?: string | undefined;
  readonly parent?: Span | undefined;
  /** Spans that this one works for, where they are several. */
  readonly links?: readonly Span[];
  readonly attributes?: Attributes;
}

export interface Tracer { start(name: string, options: SpanOptions): Span }

/** Runs work under a span, which ends with it; without one the work itself, with not even a promise of ours around it. */
export const within = <T>(span: Span | undefined, work: () => Promise<T>): Promise<T> => (span ? under(span, work) : work());

async function under<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}
