/** What is not ours is named by `prune` and by `verify --all` alike, and never deleted. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LzoPool } from '../../../src/codec/lzo/pool.ts';
import { prune } from '../../../src/operations/prune/prune.ts';
import { verify } from '../../../src/operations/verify/verify.ts';
import { pruneJson, pruneText, pruneWarnings } from '../../../src/report/prune-report.ts';
import { Repository } from '../../../src/storage/backups/repository.ts';
import { openDirectoryStore } from '../../../src/storage/directory/directory.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { LocationHistory } from '../../support/location-history.ts';
import { never } from '../../support/never.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const hour = 3_600_000;
const listen = (): void => undefined;
const request = { owner: { host: 'bastion', pid: process.pid, user: 'ops' }, operation: 'prune', timeoutSeconds: 0, listen };
const table = `shop/users-${'0'.repeat(32)}`;

async function place(context: TestContext) {
  const store = await openDirectoryStore(await temporaryDirectory(context));
  const history = new LocationHistory(store);
  const ago = (hours: number): Date => new Date(Date.now() - hours * hour);
  const a = await history.complete({ id: 'a1', takenAt: ago(40) });
  await history.complete({ id: 'b1', takenAt: ago(3), reused: await history.filesOf(a) });
  await history.complete({ id: 'b2', parent: 'b1', takenAt: ago(2) });
  await history.unfinished({ id: 'c1', takenAt: ago(1) });
  return { store, history };
}

function pruned(repository: Repository, dryRun: boolean) {
  const rules = { policy: { keepLast: 1 }, staleAfterSeconds: 86_400, graceSeconds: 86_400, dryRun, now: new Date() };
  return prune(repository, rules, request, never);
}

async function foreignOf(repository: Repository): Promise<readonly string[]> {
  const pool = new LzoPool({ threads: 1 });
  try {
    const { problems } = await verify({ backup: 'all', transfers: 1 }, { repository, pool, listen }, never);
    return problems.filter(({ kind }) => kind === 'foreign').map(({ key }) => key);
  } finally {
    await pool.close();
  }
}

/** What is laid there, and by which name it is told of. */
const laid: readonly (readonly [key: string, name?: string])[] = [
  ['README'],
  ['sstash-probe-notes'],
  ['logs/2026/today', 'logs/'],
  ['20261199T000000Z/manifest.json', '20261199T000000Z/'],
  ['web2024/manifest.json', 'web2024/'],
  ['web2024/index.html', 'web2024/'],
  ['photos2024/summer/1.jpg', 'photos2024/'],
  ['schemas2024/schema.cql', 'schemas2024/'],
  ['reading/foo.json'],
  ['forgotten/note.json'],
  ['forgotten/20200101T000000Z.json'],
  ['b1/notes.txt'],
  ['b1/we ird/a b.txt'],
  ['b1/node1/notes.txt'],
  [`b1/node1/${table}/nb-1-big-Data.db.lzo.orig`],
  ['b1/incrementals/readme'],
  ['b1/incrementals/20261130T999999Z/manifest.json'],
  ['b1/incrementals/d4/photo.jpg', 'b1/incrementals/d4/'],
  ['b1/incrementals/b2/notes.txt'],
  ['c1/notes.txt'],
  ['e1/node1/photo.jpg'],
  [`e1/node1/${table}/nb-1-big-Data.db.lzo.bak`],
];

test('prune and verify name the same, and what they name stays', async (context) => {
  const { history } = await place(context);
  for (const [key] of laid) {
    await history.put(key, '{"x": 1}');
    await history.setModified(key, new Date(Date.now() - 1000 * hour));
  }
  // The rest of a backup that was deleted.
  const orphan = `e1/node1/${table}/nb-1-big-Data.db.lzo`;
  await history.put(orphan);
  await history.setModified(orphan, new Date(Date.now() - 1000 * hour));
  const expected = [...new Set(laid.map(([key, name = key]) => name))].toSorted();
  assert.deepEqual((await foreignOf(history.repository)).toSorted(), expected);
  const planned = await pruned(history.repository, true);
  assert.deepEqual(planned.strangers.keys.toSorted(), expected);
  assert.equal(planned.strangers.count, expected.length);
  assert.deepEqual(planned.orphanKeys, [orphan]);
  assert.match(pruneText(planned), new RegExp(`1 object of these belonged to no backup: ${orphan}`));
  assert.match(JSON.stringify(pruneJson(planned)), /"orphanKeys":\["e1/);
  assert.match(pruneWarnings(planned).join(), / and 1 more;/);
  const done = await pruned(history.repository, false);
  assert.deepEqual(done.strangers, planned.strangers);
  await history.letGraceEnd();
  await pruned(history.repository, false);
  const left = await history.keys();
  assert.deepEqual(
    laid.filter(([key]) => !left.includes(key)),
    [],
  );
  assert.equal(left.includes(orphan), false);
  // Where nothing else is left too: only a manifest could tell that it is ours.
  assert.ok((await foreignOf(history.repository)).includes(`e1/node1/${table}/nb-1-big-Data.db.lzo.bak`));
});

/** The same, and how many objects were listed below a prefix. */
function counting(store: ObjectStore, prefix: string): { readonly store: ObjectStore; readonly listed: () => number } {
  let listed = 0;
  const list = async function* (wanted: string, signal: AbortSignal) {
    for await (const object of store.list(wanted, signal)) {
      listed += object.key.startsWith(prefix) ? 1 : 0;
      yield object;
    }
  };
  const counted = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = name === 'list' ? list : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: counted, listed: () => listed };
}

test('a large directory of somebody else is named, and not listed to its end', async (context) => {
  const { store, history } = await place(context);
  await history.put('logs/today');
  const photos = join(fileURLToPath(store.url), 'photos2024/summer');
  await mkdir(photos, { recursive: true });
  for (let number = 0; number < 2500; number += 1) {
    await writeFile(join(photos, `${number}.jpg`), '');
  }
  for (const look of [foreignOf, async (repository: Repository) => (await pruned(repository, true)).strangers.keys]) {
    const [many, logs] = [counting(store, 'photos2024/'), counting(store, 'logs/')];
    assert.deepEqual((await look(new Repository(many.store))).toSorted(), ['logs/', 'photos2024/']);
    assert.ok(many.listed() <= 1001, `${many.listed()}`);
    await look(new Repository(logs.store));
    assert.equal(logs.listed(), 0);
  }
});
