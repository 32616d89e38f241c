import type { Lzo } from '../../../../src/codec/lzo/wasm.ts';
import { openLzo1x } from '../../../../src/codec/lzo/lzo1x.ts';

/** Stands for `codec/lzo/wasm.ts`: that loads in its own time. A decoder that is there at once takes its place. */

export const lzoWasmBlockBytes: number = 4 * 1024 * 1024;

export async function openLzo(): Promise<Lzo> {
  const lzo1x = openLzo1x();
  return { decompress: async (stored, target) => lzo1x.decompress(stored, target) };
}
