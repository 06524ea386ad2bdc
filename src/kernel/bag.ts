/** Where a member stands in its bag. */
export interface Place<T> { readonly member: T; at: number }

/**
 * Members that come and go all the time, in no order. A `Set` (or a `Map`) grows into a new table again and again as members leave it, and each old
 * table refers to the next: once one of them is old, the young generation keeps all that ever was a member, until the whole heap is looked through.
 */
export class Bag<T> {
  readonly #places: Place<T>[] = [];

  get size(): number { return this.#places.length; }
  add(member: T): Place<T> {
    const place = { member, at: this.#places.length };
    this.#places.push(place);
    return place;
  }
  /** Takes a member out; one that is out already stays out. */
  remove(place: Place<T>): void {
    if (this.#places[place.at] !== place) return;
    const last = this.#places.pop() as Place<T>;
    if (last === place) return;
    last.at = place.at;
    this.#places[place.at] = last;
  }
  /** Those that are members now, whoever leaves meanwhile. */
  members(): T[] { return this.#places.map((p) => p.member); }
}
