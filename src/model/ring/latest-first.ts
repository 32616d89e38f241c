/** Values by key, ordered by when they were put, the latest first. A step takes the same time however many there are. */
export class LatestFirst<K, V> {
  readonly #links = new Map<K, Link<V>>();
  #first: Link<V> | undefined;

  /** Takes the place of what the key had. */
  put(key: K, value: V): void {
    const old = this.#links.get(key);
    if (old?.previous !== undefined) {
      old.previous.next = old.next;
    }
    if (old?.next !== undefined) {
      old.next.previous = old.previous;
    }
    const next = old !== undefined && this.#first === old ? old.next : this.#first;
    const link: Link<V> = { value, previous: undefined, next };
    if (next !== undefined) {
      next.previous = link;
    }
    this.#first = link;
    this.#links.set(key, link);
  }

  /** The latest so many, or all where there are fewer. */
  latest(count: number): readonly V[] {
    const values: V[] = [];
    for (let link = this.#first; link !== undefined && values.length < count; link = link.next) {
      values.push(link.value);
    }
    return values;
  }
}

interface Link<V> {
  readonly value: V;
  previous: Link<V> | undefined;
  next: Link<V> | undefined;
}
