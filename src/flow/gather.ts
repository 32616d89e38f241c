/**
 * All bytes of a source, of which there are to be no more than so many: whoever gathers knows how much there can be at most. As soon as
 * there is more the source is left, and what `tooMuch` makes is thrown.
 */
export async function wholeOf(source: AsyncIterable<Uint8Array>, mostBytes: number, tooMuch: () => Error): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) {
      throw tooMuch();
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The same bytes in chunks of at least `atLeast` bytes, but for the last: where every chunk costs something, such as a packet
 * and a system call. The source's chunks
 * must stay as they are until they are passed on.
 */
export async function* gathered(source: AsyncIterable<Uint8Array>, atLeast: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    held.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= atLeast) {
      yield Buffer.concat(held);
      held = [];
      bytes = 0;
    }
  }
  if (bytes > 0) {
    yield Buffer.concat(held);
  }
}
