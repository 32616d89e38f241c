import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RemoteError } from '../../../../src/model/errors.ts';
import { placeUnit } from '../../../../src/transfer/relay/landing.ts';
import type { Landing } from '../../../../src/transfer/transfer.ts';
import { identityOf } from '../../../support/identity.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { storedOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const remote = localRemote({ host: 'n1' });
const users = 'shop/users-1';

async function landingOf(t: TestContext, incoming = '.incoming/0-1'): Promise<Landing> {
  const directory = await temporaryDirectory(t);
  return { directory, identity: await identityOf(directory), incoming };
}

async function plant(landing: Landing, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const full = join(landing.directory, landing.incoming, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text);
  }
}

/** Places what came in, as a manifest that says these sizes has it. */
async function place(landing: Landing, bytes: Readonly<Record<string, number>>): Promise<void> {
  const unit = Object.entries(bytes).map(([path, count]) => ({ path, file: storedOf(path, { bytes: count }) }));
  await placeUnit(unit, landing, remote, never);
}

test('files of every name get their own, index directories included, and the place where they came in is gone', async (t) => {
  const landing = await landingOf(t);
  const files = {
    [`${users}/nb-1-big-Data.db`]: 'data',
    [`${users}/nb-1-big-SAI+aa+x+TermsData.db`]: '',
    [`${users}/.users_email/nb-1-big-Data.db`]: 'index',
    [`${users}/it's odd.xyz`]: '?',
  };
  await plant(landing, files);
  await place(landing, Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.length])));
  for (const [path, text] of Object.entries(files)) {
    assert.equal(await readFile(join(landing.directory, path), 'utf8'), text);
  }
  assert.deepEqual(await readdir(join(landing.directory, '.incoming')), []);
});

for (const [what, bytes] of [
  ['is shorter than it should be', { [`${users}/a`]: 1, [`${users}/b`]: 9 }],
  ['nobody asked for', { [`${users}/a`]: 1 }],
  ['is not there', { [`${users}/a`]: 1, [`${users}/b`]: 1, [`${users}/c`]: 1 }],
] as const) {
  test(`a unit with a file that ${what} is refused, and none of its files gets its name`, async (t) => {
    const landing = await landingOf(t);
    await plant(landing, { [`${users}/a`]: 'a', [`${users}/b`]: 'b' });
    await assert.rejects(
      place(landing, bytes),
      (error) => error instanceof RemoteError && /sizes on disk differ/.test(error.stderr + error.message),
    );
    await assert.rejects(stat(join(landing.directory, users)), /ENOENT/);
  });
}
