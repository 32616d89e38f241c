/** Leave to work that ends by itself: what is done under it asks for it, each time. */
export interface Lease {
  /** Throws when it has ended, or may end any moment. Asks nobody, so it takes no time. */
  assertHeld(): void;
}
