/**
 * Random short histories of a node, with the product's own rules deciding what is uploaded, pointed at, set aside, chained
 * and merged: at every moment every backup must give exactly the rows of its own time.
 */
import { pathOf } from '../../../../src/model/backup/backup-id.ts';
import { chainOf, type CommittedBackup, latestCommitted } from '../../../../src/model/backup/backup.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { componentKey as listedKey } from '../../../../src/cluster/files/snapshot-listing.ts';
import { isSetAside } from '../../../../src/cluster/files/incremental-files.ts';
import { candidateParent, decideKind } from '../../../../src/model/chain/backup-kind.ts';
import { chainsBrokenBy } from '../../../../src/model/chain/chain-holes.ts';
import { mergeChain } from '../../../../src/model/chain/chain.ts';
import { knownFiles } from '../../../../src/model/backup/known-files.ts';
import type { BackupKind, NodeManifest } from '../../../../src/model/backup/manifest.ts';
import { committedOnly, planDelete } from '../../../../src/model/retention/prune-plan.ts';
import { type TableId, dataPathFor, tableDirectory } from '../../../../src/model/sstable.ts';
import { selectTables, tableFilter } from '../../../../src/model/options/table-filter.ts';
import { groupByTable, planNodeUpload, storedFile } from '../../../../src/model/backup/upload-plan.ts';
import { backupPrefix, componentKey } from '../../../../src/storage/keys.ts';
import { completeOf, nodeManifestOf } from '../../../support/manifests.ts';
import { NodeModel, dataOf, merged, rowsOf, type FileContent, type Listed } from '../../../support/node-model.ts';

type Rows = ReadonlyMap<string, Readonly<Record<string, number>>>;

interface Kept {
  readonly backup: CommittedBackup;
  readonly manifest: NodeManifest;
  readonly rows: Rows;
  /** What each file held when it was listed, by its place. */
  readonly contents: ReadonlyMap<string, FileContent>;
}

interface BackupWish {
  readonly kind?: BackupKind;
  readonly patterns: readonly string[];
  readonly policy?: string;
  readonly selfContained: boolean;
  /** Flushed by itself between the listing of what is set aside and the snapshot: linked into both places. */
  readonly flushBetween: boolean;
  /** Dies after the commit, before the node's files are deleted. */
  readonly diesBeforeDelete: boolean;
}

class World {
  readonly node: NodeModel = new NodeModel(['a', 'b']);
  readonly objects: Map<string, FileContent> = new Map();
  readonly closed: Set<string> = new Set();
  kept: Kept[] = [];
  incrementals = 0;
  reused = 0;

  backup(wish: BackupWish): void {
    const takenAt = new Date(this.node.tick() * 1000);
    const tables = selectTables(this.node.tables(), tableFilter(wish.patterns));
    const complete = this.kept.map(({ backup }) => backup);
    const series = { backups: complete, selection: wish.patterns, policy: wish.policy, hostIds: ['host-id-1'] };
    const parent = candidateParent({ ...series, now: takenAt });
    const decision = decideKind({
      ...series,
      forced: wish.kind,
      gaps: [],
      brokenTables: tables
        .filter(({ id }) => (this.node.truncatedAt.get(id) ?? 0) * 1000 >= Date.parse(parent?.manifest.takenAt ?? ''))
        .map(({ table }) => ({ table, reason: 'was truncated' })),
      ...(this.closed.has(parent?.id ?? '') ? { closed: 'a backup of the chain was deleted' } : {}),
      now: takenAt,
      snapshotEverySeconds: 1000,
    });
    if (wish.kind === 'incremental' && decision.kind === 'snapshot') {
      return;
    }
    const id = `2026-${takenAt.getTime()}`;
    const ref = decision.parent === undefined ? { id } : { id, parent: decision.parent.id };
    const parentManifest = this.kept.find(({ backup }) => backup.id === ref.parent)?.manifest;
    const setAside = ref.parent === undefined ? this.node.setAside() : (parentManifest?.setAside ?? []);
    if (wish.flushBetween) {
      this.node.flush('a');
    }
    this.node.flushAll();
    const listing = ref.parent === undefined ? this.node.listLive(tables) : this.node.listBackups(tables);
    const aside = new Map(setAside.map((file) => [file.path, file]));
    const components = listing.components.filter((component) => ref.parent === undefined || !isSetAside(component, aside));
    const digestOfData = (path: string, table: TableId): string | undefined => listing.digests.get(listedKey({ table, path }));
    const plan = planNodeUpload({
      components,
      compression: 'lzo',
      digestOfData,
      keyOf: (component, compression) => componentKey(ref, 'node1', component.table, component.path, compression),
      known: knownFiles(wish.selfContained ? [] : this.earlier(ref.parent)),
      isThere: ({ key }) => this.objects.has(key),
    });
    const uploaded = plan.uploads.map((upload) => {
      this.put(upload.key, listing, upload.component);
      const stored = { storedBytes: 70, storedCrc32: '00000000', etag: upload.key };
      return { table: upload.component.table, file: storedFile(upload, stored, id) };
    });
    const reused = plan.reused.map(({ table, ...file }) => ({ table, file }));
    this.reused += reused.length;
    this.incrementals += ref.parent === undefined ? 0 : 1;
    const manifest = nodeManifestOf({
      backup: id,
      ...(ref.parent === undefined ? { setAside } : { parent: ref.parent }),
      takenAt: takenAt.toISOString(),
      tables: groupByTable(tables, [...uploaded, ...reused]),
    });
    const finishedAt = new Date(this.node.tick() * 1000).toISOString();
    const policy = wish.policy === undefined ? {} : { policy: wish.policy };
    const head = { ...ref, takenAt: takenAt.toISOString(), finishedAt, selection: wish.patterns, tables, ...policy };
    const chosen = new Set(tables.map(tableDirectory));
    const rows = new Map([...this.node.rows()].filter(([table]) => chosen.has(table)));
    this.kept.push({ backup: completeOf(head), manifest, rows, contents: listing.contents });
    if (ref.parent !== undefined && !wish.diesBeforeDelete) {
      this.node.deleteBackups(components);
    }
  }

  /** As the backup itself chooses them: the newest backup's chain, and the run's own parent. */
  earlier(parent: string | undefined): readonly NodeManifest[] {
    const all = this.kept.map(({ backup }) => backup);
    const newest = latestCommitted(all);
    const chain = newest === undefined ? [] : chainOf(newest, all);
    return this.kept
      .filter(({ backup }) => chain.includes(backup) || (backup.id === parent && backup.parent === undefined))
      .map(({ manifest }) => manifest);
  }

  put(key: string, listing: Listed, component: Listed['components'][number]): void {
    const content = listing.contents.get(listedKey(component));
    assert.ok(content !== undefined);
    assert.ok(!this.objects.has(key), `${key} would be overwritten`);
    this.objects.set(key, content);
  }

  /** The rows that a backup gives back, table by table. */
  restore({ backup, manifest }: Kept): Rows {
    const all = this.kept.map((each) => each.backup);
    const manifests = chainOf(backup, all).flatMap(
      (each) => this.kept.find((kept) => kept.backup === each)?.manifest ?? assert.fail(`${each.id} of the chain is not there`),
    );
    const tables = backup.parent === undefined ? manifest.tables : mergeChain(manifests, backup.manifest.tables);
    return new Map(
      tables.map((table) => {
        const contents = table.files.map((file) => [file.path, this.objects.get(file.key)] as const);
        assert.equal(new Set(contents.map(([path]) => path)).size, contents.length, 'a path twice');
        const present = contents.map(([path, content]) => {
          assert.ok(content !== undefined, `${path} points at nothing`);
          const data = contents.find(([other]) => other === dataPathFor(path))?.[1];
          assert.equal(content.sstable, data?.sstable, `${path} lies beside another sstable's Data.db`);
          return content;
        });
        return [tableDirectory(table), rowsOf(merged(dataOf(present)))];
      }),
    );
  }

  check(): void {
    for (const kept of this.kept) {
      for (const { files, ...id } of kept.manifest.tables) {
        for (const { path, key } of files) {
          assert.equal(
            this.objects.get(key),
            kept.contents.get(listedKey({ table: id, path })),
            `${key} is not what ${path} was`,
          );
        }
      }
      assert.deepEqual(this.restore(kept), kept.rows, `backup ${kept.backup.parent ?? ''}/${kept.backup.id}`);
    }
  }

  /** Takes away one backup and what stands on it; an object goes when nobody who stays points at it. */
  delete(chosen: CommittedBackup): void {
    const all = this.kept.map(({ backup }) => backup);
    const plan = planDelete(all, {
      names: [pathOf(chosen)],
      withIncrementals: true,
      forceLast: true,
      now: new Date(this.node.tick() * 1000),
    });
    const [kept, forgotten] = [committedOnly(plan.kept), committedOnly(plan.forgotten)];
    for (const { id } of chainsBrokenBy(forgotten, kept)) {
      this.closed.add(id);
    }
    this.kept = this.kept.filter(({ backup }) => kept.includes(backup));
    const pointed = new Set(
      this.kept.flatMap(({ manifest }) => manifest.tables.flatMap(({ files }) => files.map(({ key }) => key))),
    );
    const prefixes = forgotten.map(backupPrefix);
    for (const key of this.objects.keys()) {
      if (prefixes.some((prefix) => key.startsWith(prefix)) && !pointed.has(key)) {
        this.objects.delete(key);
      }
    }
  }

  /** Deletes the backup at that place of the list, if there is one. */
  deleteAt(place: number): void {
    const chosen = this.kept[place % Math.max(1, this.kept.length)];
    if (chosen !== undefined) {
      this.delete(chosen.backup);
    }
  }

  copy(): World {
    const other = new World();
    other.kept = [...this.kept];
    for (const [key, content] of this.objects) {
      other.objects.set(key, content);
    }
    return other;
  }
}

type Step = readonly [name: string, act: (world: World) => void];

const keys = ['k1', 'k2', 'k3'];
const table = fc.constantFrom('a', 'b');
const step = (name: string, act: (world: World, table: string) => void): fc.Arbitrary<Step> =>
  table.map((chosen) => [`${name} ${chosen}`, (world) => act(world, chosen)]);

const write: fc.Arbitrary<Step> = fc
  .tuple(table, fc.constantFrom(...keys), fc.option(fc.integer({ min: 1, max: 9 }), { freq: 4 }))
  .map(([name, key, value]) => [`write ${name} ${key} ${value}`, (world) => world.node.write(name, key, value)]);

const deletion: fc.Arbitrary<Step> = fc.nat({ max: 9 }).map((place) => [`delete ${place}`, (world) => world.deleteAt(place)]);

function backups(wishes: fc.Arbitrary<Pick<BackupWish, 'patterns' | 'policy'>>): fc.Arbitrary<Step> {
  const often = { selfContained: fc.boolean(), flushBetween: fc.boolean(), diesBeforeDelete: fc.boolean() };
  return fc
    .tuple(wishes, fc.constantFrom(undefined, undefined, 'incremental', 'snapshot'), fc.record(often))
    .map(([wish, kind, rest]): Step => {
      const whole: BackupWish = { ...wish, ...rest, ...(kind === undefined ? {} : { kind }) };
      return [`backup ${JSON.stringify(whole)}`, (world) => world.backup(whole)];
    });
}

function histories(backup: fc.Arbitrary<Step>): fc.Arbitrary<readonly Step[]> {
  // The way by which an integer id comes back within a chain.
  const emptied = step('delete all, compact, restart', (world, name) => {
    for (const key of keys) {
      world.node.write(name, key, null);
    }
    world.backup({ patterns: [], selfContained: false, flushBetween: false, diesBeforeDelete: false });
    world.node.compact(name);
    world.node.restart();
  });
  return fc.array(
    fc.oneof(
      { arbitrary: emptied, weight: 1 },
      { arbitrary: write, weight: 5 },
      { arbitrary: backup, weight: 5 },
      { arbitrary: deletion, weight: 1 },
      { arbitrary: step('flush', (world, name) => world.node.flush(name)), weight: 2 },
      { arbitrary: step('compact', (world, name) => world.node.compact(name)), weight: 2 },
      { arbitrary: step('rewrite', (world, name) => world.node.rewriteStatistics(name)), weight: 1 },
      { arbitrary: step('truncate', (world, name) => world.node.truncate(name)), weight: 1 },
      { arbitrary: step('recreate', (world, name) => world.node.recreate(name)), weight: 1 },
      { arbitrary: step('restart', (world) => world.node.restart()), weight: 1 },
    ),
    { maxLength: 24, size: 'max' },
  );
}

/** Plays histories; after each step, and after deleting any one backup, all others must give their rows. */
function play(backup: fc.Arbitrary<Step>, runs: number): { readonly incrementals: number; readonly reused: number } {
  let incrementals = 0;
  let reused = 0;
  fc.assert(
    fc.property(histories(backup), (steps) => {
      const world = new World();
      try {
        for (const [, act] of steps) {
          act(world);
          world.check();
        }
        for (const { backup: each } of world.kept) {
          const without = world.copy();
          without.delete(each);
          without.check();
        }
      } catch (error) {
        throw new Error(`after ${steps.map(([name]) => name).join(', ')}`, { cause: error });
      }
      incrementals += world.incrementals;
      reused += world.reused;
    }),
    { numRuns: runs },
  );
  return { incrementals, reused };
}

test('one series of backups: each gives the rows of its time, whatever happened since and whichever other was deleted', () => {
  const { incrementals, reused } = play(backups(fc.constant({ patterns: [] })), 600);
  // What never happened proves nothing.
  assert.ok(incrementals > 200, `${incrementals} incremental backups`);
  assert.ok(reused > 200, `${reused} files reused`);
});

test('several series and selections on one node do not take each other’s incremental files away', () => {
  const wishes = fc.constantFrom<Pick<BackupWish, 'patterns' | 'policy'>>(
    { patterns: [] },
    { patterns: [], policy: 'weekly' },
    { patterns: ['ks.a'] },
    { patterns: ['ks.b'] },
  );
  const { incrementals } = play(backups(wishes), 600);
  assert.ok(incrementals > 100, `${incrementals} incremental backups`);
});
