/**
 * The only door to `lzo-wasm`, which can only decompress. What is known of version 0.0.4, and why it is used like this:
 *
 * - Its entry file cannot be imported in Node; the inner one can, given the WebAssembly bytes.
 * - It reads 8 bytes beyond its input as if they belonged to it: zeros are laid there.
 * - It does not tell how much it produced, and leaves junk after the input unread: a short or damaged block may come back
 *   as a success with whatever lay in its heap. Only a checksum of the plain bytes makes its answer worth anything.
 * - Its heap is 32 MiB and does not grow. It loses a buffer whenever it fails, and a call after it ran out of memory never
 *   returns: an instance that threw is thrown away.
 */
import { readFile } from 'node:fs/promises';
import type { LzoWasm } from 'lzo-wasm/lzo-wasm.js';

/** Largest block given to lzo-wasm, plain or stored: two of them and the overhead stay far below its heap. */
export const lzoWasmBlockBytes: number = 4 * 1024 * 1024;

const padding = 8;

/** An aborting instance would write to the terminal. */
const quiet = (): void => {};

/** A decoder for one thread. */
export interface Lzo {
  /**
   * Fills `target` with what it takes for the block's plain bytes; false when it refused. True proves nothing: the caller
   * compares a checksum. At most lzoWasmBlockBytes on either side.
   */
  decompress(stored: Uint8Array, target: Uint8Array): Promise<boolean>;
}

export async function openLzo(): Promise<Lzo> {
  const { default: create } = await import('lzo-wasm/lzo-wasm.js');
  const wasmBinary = await readFile(new URL(import.meta.resolve('lzo-wasm/lzo-wasm.wasm')));
  let loading: Promise<LzoWasm> | undefined;
  return {
    decompress: async (stored, target) => {
      let using: Promise<LzoWasm>;
      let instance: LzoWasm;
      do {
        using = loading ??= create({ wasmBinary, print: quiet, printErr: quiet });
        instance = await using;
        // Another call may have thrown it away while this one waited.
      } while (loading !== using);
      try {
        decompressWith(instance, stored, target);
        return true;
      } catch {
        loading = undefined;
        return false;
      }
    },
  };
}

function decompressWith(instance: LzoWasm, stored: Uint8Array, target: Uint8Array): void {
  const heap = instance.HEAPU8;
  const input = instance._malloc(stored.length + padding);
  if (input === 0) {
    throw new RangeError('lzo-wasm has no memory left');
  }
  heap.set(stored, input);
  heap.fill(0, input + stored.length, input + stored.length + padding);
  const output = instance._decompress(input, stored.length, target.length);
  if (output === 0) {
    throw new RangeError('lzo-wasm has no memory left');
  }
  target.set(heap.subarray(output, output + target.length));
  instance._free(output);
  instance._free(input);
}
