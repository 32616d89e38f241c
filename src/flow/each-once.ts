/**
 * Tells what a listing has not shown yet, on this page or the one before it: a listing may be too long to be remembered, and a page that comes
 * twice does so at once. A backup that is counted twice would be one of those that make it superfluous.
 */
export class EachOnce {
  #before = new Set<string>();
  #page = new Set<string>();

  turnPage(): void {
    this.#before = this.#page;
    this.#page = new Set();
  }

  isNew(key: string): boolean {
    const isNew = !this.#before.has(key) && !this.#page.has(key);
    this.#page.add(key);
    return isNew;
  }
}
