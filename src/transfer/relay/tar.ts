/**
 * A tar stream (ustar, with GNU long names) of many small files, for `tar -x` on a node: one stream and one process for
 * thousands of files. Format: https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export interface TarEntry {
  /** Relative path. */
  readonly path: string;
  readonly body: Uint8Array;
}

export async function* tarOf(entries: AsyncIterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for await (const { path, body } of entries) {
    const name = Buffer.from(path);
    if (name.byteLength > 100) {
      // GNU's way: an entry of type L holds the next entry's name.
      yield header(Buffer.from('././@LongLink'), name.byteLength + 1, 'L');
      yield padded(Buffer.concat([name, Buffer.alloc(1)]));
    }
    yield header(name.subarray(0, 100), body.byteLength, '0');
    yield padded(body);
  }
  yield Buffer.alloc(2 * recordBytes);
}

const recordBytes = 512;

function header(name: Uint8Array, bytes: number, type: '0' | 'L'): Uint8Array {
  const block = Buffer.alloc(recordBytes);
  block.set(name, 0);
  block.write('0000640\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar  \0', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(bytes: Uint8Array): Uint8Array {
  const padding = (recordBytes - (bytes.byteLength % recordBytes)) % recordBytes;
  return padding === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(padding)]);
}
