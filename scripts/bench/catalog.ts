import { crcText } from '../../src/model/backup/stored-sum.ts';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { BackupManifest, NodeManifest } from '../../src/model/backup/manifest.ts';
import { encodeJson } from '../../src/storage/backups/manifest-format.ts';
import { encodeNodeManifest } from '../../src/storage/backups/node-manifest-format.ts';
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
const tables = 1000;
const componentsPerTable = 100;
/** What every component of the catalog holds. Objects are there of one table, which is restored. */
const content = Buffer.alloc(4096, 'sstash');
const restored = 'table_7';
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
 * A second backup with nothing changed; `list` of 400 backups; `show`, `files` and the restore of one table out of 1,000, of a
 * backup of three nodes with 100,000 components each.
 */
export async function measureCatalog(
  sstash: readonly string[],
  lab: Lab,
  groups: CpuGroups,
  say: (text: string) => void,
): Promise<readonly CatalogRun[]> {
  const proxy = await startCountingProxy(lab.endpoint);
  const runs: CatalogRun[] = [];
  const down = join(lab.directory, 'down');
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
    const one = ['restore', 'latest', '-K', `shop.${restored}`, '--local', down];
    mkdirSync(down, { recursive: true });
    await add('restore one table --local', sstashProgram(lab, sstash, 'catalog', one));
  } finally {
    await proxy.stop();
    rmSync(down, { recursive: true, force: true });
    for (const prefix of ['again', 'catalog']) {
      rmSync(lab.behind(prefix), { recursive: true, force: true });
    }
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
  const nodes = hosts.map((_, index) => summary(index + 1, { files: tables * componentsPerTable }));
  let id = '';
  for (let number = 0; number < backups; number += 1) {
    const takenAt = new Date(Date.UTC(2026, 0, 1, number)).toISOString();
    id = takenAt.replaceAll(/[-:]|\.000/g, '');
    const manifest: BackupManifest = backupManifestOf({ id, takenAt, tables: every, nodes });
    write(`${id}/manifest.json`, encodeJson(manifest));
  }
  for (const [index, host] of hosts.entries()) {
    const filesOf = ({ table, id: tableId }: (typeof every)[number]) =>
      Array.from({ length: componentsPerTable }, (_, file) => {
        const path = `nb-${Math.floor(file / components.length) + 1}-big-${components[file % components.length]}`;
        return storedOf(path, { ...stored, since: id, key: `${id}/${host}/shop/${table}-${tableId}/${path}` });
      });
    const manifest: NodeManifest = nodeManifestOf({
      backup: id,
      host,
      node: nodeOf(index + 1),
      tables: every.map((table) => ({ ...table, files: filesOf(table) })),
    });
    write(`${id}/${host}/manifest.json.gz`, await encodeNodeManifest(manifest));
    for (const { key } of filesOf(every.find(({ table }) => table === restored) ?? tableOf('shop', restored, 0))) {
      write(key, content);
    }
  }
}

const stored = {
  bytes: content.byteLength,
  storedBytes: content.byteLength,
  storedCrc32: crcText(crc32(content)),
  compression: 'none',
} as const;
