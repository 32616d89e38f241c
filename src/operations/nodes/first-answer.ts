/** What the first of the members gives that can say it. Throws what the last one threw, and `none` where there is no member. */
export async function firstAnswer<M, T>(
  members: Iterable<M>,
  ask: (member: M) => Promise<T>,
  none: Error,
  signal: AbortSignal,
): Promise<T> {
  let last: unknown = none;
  for (const member of members) {
    try {
      return await ask(member);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw last;
}
