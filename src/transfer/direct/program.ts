import { readFileSync } from 'node:fs';
import type { Command } from '../../cluster/remote.ts';
import { nicely } from '../../cluster/niceness.ts';

/** What runs on a node, as it is sent there. */
export function nodeProgram(): Uint8Array {
  return (program ??= readFileSync(new URL('node_part.py', import.meta.url)));
}

let program: Uint8Array | undefined;

/** Takes so many bytes of standard input for its program, and leaves the rest to it. */
const bootstrap = 'import sys; exec(compile(sys.stdin.buffer.read(int(sys.argv[1])), "sstash", "exec"))';

/**
 * Isolated: with `-I` neither the environment nor the directories of whoever logs in say what Python imports, with `-S` nothing
 * that was installed beside its standard library either, and it works in `/`. The file that it is named is taken whatever the login's `PATH` has become since it was looked for.
 */
export const runProgramScript: string = 'cd / && exec "$1" -I -S -c "$2" "$3"';

export function nodeCommand(python: string, niceness: number): Command {
  return nicely(['sh', '-c', runProgramScript, 'sh', python, bootstrap, String(nodeProgram().byteLength)], niceness);
}
