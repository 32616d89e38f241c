import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../../src/model/node/shell-text.ts';
import type { Recorded } from './recorded.ts';

export interface FakeProgram {
  readonly path: string;
  /** One line per call: its arguments joined by spaces, then what came on standard input. */
  calls(): Promise<readonly { readonly args: string; readonly input: string }[]>;
}

/**
 * A script in `directory` that answers as recorded. `answers` are tried in order; the first whose key begins the
 * arguments wins. Anything else ends with status 99.
 */
export async function fakeProgram(
  directory: string,
  name: string,
  answers: Readonly<Record<string, Partial<Recorded>>>,
): Promise<FakeProgram> {
  const path = join(directory, name);
  const log = join(directory, `${name}.log`);
  const cases = Object.entries(answers).map(
    ([args, { stdout = '', stderr = '', status = 0 }]) =>
      `${quote(args)}*) printf %s ${quote(stdout)}; printf %s ${quote(stderr)} >&2; exit ${status};;`,
  );
  const record = `{ printf '%s\\037' "$*"; cat; printf '\\036'; } >>${quote(log)}`;
  await writeFile(path, ['#!/bin/sh', record, 'case "$*" in', ...cases, '*) exit 99;;', 'esac', ''].join('\n'));
  await chmod(path, 0o755);
  return {
    path,
    calls: async () =>
      (await readFile(log, 'utf8').catch(() => ''))
        .split('\u001e')
        .filter((call) => call !== '')
        .map((call) => ({ args: call.split('\u001f')[0] ?? '', input: call.split('\u001f')[1] ?? '' })),
  };
}
