/** The part of WebAssembly used here; @types/node does not declare it, and lib.dom would bring a browser along. */
declare namespace WebAssembly {
  const Module: new (bytes: Uint8Array) => object;
  class Instance {
    constructor(module: object, imports?: object);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Global {
    readonly value: number;
  }
}
