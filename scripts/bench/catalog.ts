import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackupManifest, NodeManifest } from '../../src/model/manifest.ts';
import { encodeJson, encodeNodeManifest } from '../../src/storage/manifest-format.ts';
import { startCountingProxy } from '../../test/support/counting-proxy.ts';
import { backupManifestOf, nodeManifestOf, nodeOf, storedOf, summary, tableOf } from '../../test/support/manifests.ts';
import { sstashBackup, sstashProgram } from './contenders.ts';
import type { CpuGroups } from './cpu-groups.ts';
import type { Lab } from './lab.ts';
import { type Cost, type Program, measure } from './measure.ts';

/** What a command took, and how many requests it sent. */
export interface CatalogRun extends Cost {
  readonly what: string;
  readonly requests: number;
}

const backups = 400;
const hosts = ['node1', 'node2', 'node3'];
const tables = 500;
const sstablesPerTable = 25;
const components = [
  'Data.db',
  'Index.db',
  'Filter.db',
  'Statistics.db',
  'Summary.db',
  'CompressionInfo.db',
  'Digest.crc32',
  'TOC.txt',
];

/**
 * A second backup with nothing changed; `list` of 400 backups; `show` and `files` of one with three nodes of 100,000
 * components each.
 */
export async function measureCatalog(
  sstash: readonly string[],
  lab: Lab,
  groups: CpuGroups,
  say: (text: string) => void,
): Promise<readonly CatalogRun[]> {
  const proxy = await startCountingProxy(lab.endpoint);
  const runs: CatalogRun[] = [];
  const add = async (what: string, program: Program): Promise<void> => {
    say(what);
    proxy.reset();
    const cost = await measure({ ...program, env: { ...program.env, SSTASH_ENDPOINT: proxy.endpoint } }, groups, lab.directory);
    runs.push({ what, requests: proxy.requests.length, ...cost });
  };
  try {
    const again = sstashBackup(lab, sstash, 'again', 'bench', []);
    await add('backup, the first', again);
    await add('backup, nothing changed since', again);
    say('writing manifests');
    await writeCatalog(lab.behind('catalog'));
    for (const words of [['list'], ['show', 'latest'], ['files', 'latest']]) {
      await add(words.join(' '), sstashProgram(lab, sstash, 'catalog', words));
    }
  } finally {
    await proxy.stop();
    for (const prefix of ['again', 'catalog']) rmSync(lab.behind(prefix), { recursive: true, force: true });
  }
  return runs;
}

/** Straight into the server's directory: putting them there is not what is measured. */
async function writeCatalog(directory: string): Promise<void> {
  const write = (key: string, bytes: Uint8Array): void => {
    mkdirSync(dirname(join(directory, key)), { recursive: true });
    writeFileSync(join(directory, key), bytes);
  };
  const every = Array.from({ length: tables }, (_, index) => tableOf('shop', `table_${index}`, index + 1));
  const nodes = hosts.map((_, index) => summary(index + 1, { files: tables * sstablesPerTable * components.length }));
  let id = '';
  for (let number = 0; number < backups; number += 1) {
    const takenAt = new Date(Date.UTC(2026, 0, 1, number)).toISOString();
    id = takenAt.replaceAll(/[-:]|\.000/g, '');
    const manifest: BackupManifest = backupManifestOf({ id, takenAt, tables: every, nodes });
    write(`${id}/manifest.json`, encodeJson(manifest));
  }
  for (const [index, host] of hosts.entries()) {
    const manifest: NodeManifest = nodeManifestOf({
      backup: id,
      host,
      node: nodeOf(index + 1),
      tables: every.map((table) => ({
        ...table,
        files: Array.from({ length: sstablesPerTable * components.length }, (_, file) => {
          const path = `nb-${Math.floor(file / components.length) + 1}-big-${components[file % components.length]}`;
          return storedOf(path, { since: id, key: `${id}/${host}/shop/${table.table}-${table.id}/${path}.lzo` });
        }),
      })),
    });
    write(`${id}/${host}/manifest.json.gz`, await encodeNodeManifest(manifest));
  }
}
