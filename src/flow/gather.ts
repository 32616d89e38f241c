/** All bytes of a source that is known to be small. */
export async function wholeOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) {
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
