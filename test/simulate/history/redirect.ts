import { registerHooks } from 'node:module';

/**
 * Where the program would reach out into the world, it finds the simulated one: these modules stand in the place of its doors. All else of it runs as it is.
 * To be called before anything of the program is imported.
 */
export function redirect(planted: readonly PlantedBug[] = []): void {
  const doors = new Map(
    Object.entries({
      'cluster/ssh/ssh.ts': './doors/ssh.ts',
      'storage/s3/s3.ts': './doors/s3.ts',
      'storage/lock/process-table.ts': './doors/process-table.ts',
      'cli/environment.ts': './doors/environment.ts',
      'cli/guarded-file.ts': './doors/guarded-file.ts',
      'codec/lzo/wasm.ts': './doors/lzo-wasm.ts',
      'node:worker_threads': './doors/lzo-threads.ts',
    }).map(([own, other]) => [new URL(own, source).href, new URL(other, import.meta.url).href]),
  );
  const bugs = new Map(planted.map((bug) => [new URL(bug.file, source).href, bug]));
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      return { ...found, url: doors.get(found.url) ?? found.url };
    },
    load: (url, context, next) => {
      const loaded = next(url, context);
      const bug = bugs.get(url);
      return bug === undefined ? loaded : { ...loaded, source: withBug(textOf(loaded.source), bug) };
    },
  });
}

const source = new URL('../../../src/', import.meta.url);

/** A mistake in one line of the program: how good is the simulator at finding it? */
export interface PlantedBug {
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  /** A text that stands in the file once. */
  readonly instead: string;
  readonly stands: string;
}

function withBug(text: string, { name, file, instead, stands }: PlantedBug): string {
  const [before = '', after, ...more] = text.split(instead);
  if (after === undefined || more.length > 0) {
    throw new Error(`the planted bug "${name}" fits ${file} no more: ${instead}`);
  }
  return `${before}${stands}${after}`;
}

function textOf(text: string | ArrayBuffer | NodeJS.TypedArray | null | undefined): string {
  return typeof text === 'string' ? text : Buffer.from(text as Uint8Array).toString();
}
