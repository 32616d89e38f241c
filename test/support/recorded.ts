import { readFileSync } from 'node:fs';

/** What a program said when it was recorded; `test/fixtures/nodetool/<version>/<name>.txt`. */
export interface Recorded {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Versions of Cassandra that there are recordings of. */
export const recordedVersions: readonly string[] = ['5.0.9', '4.1.10'];

/** Reads a recording: `$ command`, stdout, then `--- stderr` with stderr if there was any, then `--- exit N`. */
export function recordedNodetool(version: string, name: string): Recorded {
  const text = fixture(`nodetool/${version}/${name}.txt`);
  const [, stdout = '', stderr = '', status = ''] =
    /^\$ .*\n([\s\S]*?)(?:^--- stderr\n([\s\S]*?))?--- exit (\d+)\s*$/m.exec(text) ?? [];
  if (status === '') {
    throw new Error(`test/fixtures/nodetool/${version}/${name}.txt has no exit status`);
  }
  return { stdout, stderr, status: Number(status) };
}

export function fixture(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), 'utf8');
}
