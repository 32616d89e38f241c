/** lzo-wasm 0.0.4 ships no types. This is the inner file of it that loads in Node, and of that only what `wasm.ts` uses. */
declare module 'lzo-wasm/lzo-wasm.js' {
  export interface LzoWasm {
    /** A view of its heap, which never grows. */
    readonly HEAPU8: Uint8Array;
    /** 0 when memory is short, unless it aborts. */
    _malloc(bytes: number): number;
    _free(address: number): void;
    /** Address of a fresh buffer of `plainBytes`, to be freed by the caller. */
    _decompress(address: number, storedBytes: number, plainBytes: number): number;
  }
  interface LzoWasmOptions {
    readonly wasmBinary: Uint8Array;
    readonly print: (text: string) => void;
    readonly printErr: (text: string) => void;
  }
  const create: (options: LzoWasmOptions) => Promise<LzoWasm>;
  export { create as default };
}
