import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseNodeConfig } from '../../../../../src/cluster/tools/node-config.ts';
import { defaultPrograms } from '../../../../../src/cluster/tools/run-tool.ts';
import { tableDirectory } from '../../../../../src/model/sstable.ts';
import { type NodeWork, planUpload } from '../../../../../src/operations/backup/node/plan.ts';
import { openDirectoryStore } from '../../../../../src/storage/directory/directory.ts';
import { localRemote } from '../../../../support/local-remote.ts';
import { nodeOf, users } from '../../../../support/manifests.ts';
import { never } from '../../../../support/never.ts';
import { temporaryDirectory } from '../../../../support/temporary.ts';

const tag = 'sstash-20261121T031500Z';

/** A node whose snapshot holds these sstables, by what their Digest files say. */
async function nodeWith(context: TestContext, digests: readonly string[]): Promise<NodeWork> {
  const data = await temporaryDirectory(context);
  const snapshot = join(data, tableDirectory(users), 'snapshots', tag);
  await mkdir(snapshot, { recursive: true });
  const files = digests.flatMap((digest, index): [string, string][] => [
    [`nb-${index}-big-Data.db`, 'rows'],
    [`nb-${index}-big-Digest.crc32`, digest],
  ]);
  const list = JSON.stringify({ files: digests.map((_, index) => `nb-${index}-big-Data.db`) });
  for (const [name, text] of [...files, ['manifest.json', list], ['schema.cql', 'CREATE TABLE']] as const) {
    await writeFile(join(snapshot, name), text);
  }
  const config = parseNodeConfig('/etc/cassandra/cassandra.yaml', `data_file_directories: ['${data}']`);
  const probe = { lzop: undefined, python: undefined, space: [] };
  const remote = localRemote();
  return {
    member: { host: 'node1', remote, files: remote, programs: defaultPrograms, config, probe, info: undefined },
    node: nodeOf(1),
    ref: { id: '20261121T031500Z' },
    tag,
    takenAt: '2026-11-21T03:15:00Z',
    tables: [users],
    setAside: [],
    keepsIncrementals: false,
    compression: 'lzo',
    transfers: 1,
  };
}

async function warningsFor(context: TestContext, digests: readonly string[]): Promise<readonly string[]> {
  const store = await openDirectoryStore(await temporaryDirectory(context));
  return (await planUpload(await nodeWith(context, digests), [], store, never)).warnings;
}

test('a node whose digests can all be read is planned without a warning', async (t) => {
  assert.deepEqual(await warningsFor(t, ['1234567890', '7']), []);
});

test('digests that hold no CRC-32 are warned of, with the first one by name', async (t) => {
  const name = (index: number) => `${tableDirectory(users)}/nb-${index}-big-Digest.crc32`;
  assert.deepEqual(await warningsFor(t, ['', '7']), [
    `node1: 1 Digest file holds no CRC-32, so damage of its Data.db on the node goes unnoticed: ${name(0)}`,
  ]);
  assert.deepEqual(await warningsFor(t, ['7', 'abc', '-1']), [
    `node1: 2 Digest files hold no CRC-32, so damage of their Data.db on the node goes unnoticed: ${name(1)} and others`,
  ]);
});
