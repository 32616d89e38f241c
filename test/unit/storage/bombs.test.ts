import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const eater = fileURLToPath(new URL('../../support/bomb-eater.ts', import.meta.url));

async function eat(bomb: string): Promise<{ readonly said: string; readonly mebibytes: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, [eater, bomb]);
  return JSON.parse(stdout) as { readonly said: string; readonly mebibytes: number };
}

/** What each bomb is, what is said of it, and the memory that the whole process may have had: Node itself and the bomb take 150 MiB. */
const cases: readonly (readonly [bomb: string, what: string, said: RegExp, mebibytes: number])[] = [
  ['blanks', 'three GiB of blanks as a manifest', /^IntegrityError: b1\/node1\/manifest.json.gz is damaged: it has a line/, 500],
  ['lines', 'a manifest of billions of empty lines', /^IntegrityError: b1\/node1\/manifest.json.gz /, 500],
  ['passed', 'a table of GiBs that is not wanted', /^IntegrityError: b1\/node1\/manifest.json.gz is damaged: unpacked/, 500],
  ['lists', 'ten million empty lists as a manifest', /^IntegrityError: b1\/node1\/manifest.json.gz is not JSON/, 500],
  [
    'bare',
    'twelve million tables without files',
    /^IntegrityError: b1\/node1\/manifest.json.gz is damaged: it has more than/,
    500,
  ],
  ['ring', 'three GiB as a ring', /^IntegrityError: b1\/ring.json is damaged: it is longer than/, 500],
  ['schema', 'three GiB as a schema', /^IntegrityError: b1\/schema.cql is damaged: it is longer than/, 500],
  ['mark', 'three GiB as a backup’s manifest', /^IntegrityError: b1\/manifest.json is damaged: it is longer than/, 500],
  [
    'output',
    'a command that prints without an end',
    /^RemoteError: node1: nodetool printed more than \d+ bytes and was ended/,
    700,
  ],
  ['object', 'an object of 1.5 GiB in the place of 100 KiB', /^IntegrityError: \S+nb-1-big-Data.db.lzo holds more than/, 500],
];

for (const [bomb, what, said, mebibytes] of cases) {
  test(`${what} is refused by its name, and takes little memory`, async () => {
    const eaten = await eat(bomb);
    assert.match(eaten.said, said);
    assert.ok(eaten.mebibytes < mebibytes, `${eaten.mebibytes} MiB`);
  });
}
