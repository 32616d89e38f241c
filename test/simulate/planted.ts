import type { PlantedBug } from './history/redirect.ts';

/** Mistakes that the program could have, each in one place of it: a simulator that does not find them finds nothing. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'skips the digest',
    file: 'transfer/proof.ts',
    instead: 'upload.digest !== undefined && crcText(crc) !== upload.digest',
    stands: 'false',
  },
  {
    name: 'stops without a drain',
    file: 'cluster/tools/service.ts',
    instead: "const drained = (answers || drain === 'must') && (await drainServer(node, drain, signal));",
    stands: 'const drained = true;',
  },
  {
    name: 'forgets a node',
    file: 'operations/backup/finish.ts',
    instead: 'nodes: nodes.map(({ summary }) => summary),',
    stands: 'nodes: nodes.slice(0, Math.max(1, nodes.length - 1)).map(({ summary }) => summary),',
  },
  {
    name: 'deletes what others point at',
    file: 'operations/prune/references.ts',
    instead: 'keys.delete(key);',
    stands: '',
  },
  {
    name: 'does not look for truncations',
    file: 'operations/backup/opening/chain-check.ts',
    instead: 'const truncated = states.some((state) => (state.truncatedAt.get(id)?.getTime() ?? 0) >= parentTakenAt);',
    stands: 'const truncated = false;',
  },
  {
    name: 'frees at once what has to wait',
    file: 'operations/prune/work.ts',
    instead: 'const atOnce = graceSeconds === 0;',
    stands: 'const atOnce = true;',
  },
  {
    name: 'commits before all nodes have uploaded',
    file: 'operations/backup/backup.ts',
    instead: "if (verdict.state !== 'incomplete' && uploads.done.size > 0) {",
    stands: 'if (uploads.done.size > 0) {',
  },
  {
    name: 'trusts the clock',
    file: 'storage/lock/lock.ts',
    instead: 'if (nowMs - watched.sinceMs >= staleMs) {',
    stands: 'if (looksSilent(seen, staleMs, clock.now())) {',
  },
  {
    name: 'takes a file for known by its name and size',
    file: 'model/backup/known-files.ts',
    instead: 'file?.bytes === component.bytes && file.modified === component.modified && files.get(dataPath)?.digest === digest;',
    stands: 'file?.bytes === component.bytes;',
  },
  {
    name: 'does not notice placed files',
    file: 'operations/backup/opening/chain-check.ts',
    instead: 'placedAgoMs !== undefined && now.getTime() - placedAgoMs > Date.parse(parent.manifest.takenAt)',
    stands: 'false',
  },
  {
    name: 'restores one node less',
    file: 'operations/restore/live/loading.ts',
    instead: 'await placeTable(this.#planned, node, table, signal);',
    stands:
      'if (node === this.#planned.work[0] || node !== this.#planned.work.at(-1)) await placeTable(this.#planned, node, table, signal);',
  },
  {
    name: 'takes readers for dead',
    file: 'storage/lock/readers.ts',
    instead: 'alive.push(mark);',
    stands: 'dead.push(mark.key);',
  },
  {
    name: 'takes files into a chain that its parent has set aside',
    file: 'cluster/files/incremental-files.ts',
    instead: 'return file?.bytes === component.bytes && file.modified === component.modified;',
    stands: 'return false;',
  },
  {
    name: 'does not flush before it collects',
    file: 'operations/backup/node/prepare.ts',
    instead: 'await flush(member, flushScope(run.living.tables), signal);',
    stands: '',
  },
  {
    name: 'does not empty what is to be replaced',
    file: 'operations/restore/live/loading.ts',
    instead: 'this.#toEmpty = new Set(request.emptied.map(tableDirectory));',
    stands: 'this.#toEmpty = new Set();',
  },
  {
    name: 'does not notice a table that was made again',
    file: 'operations/backup/opening/chain-check.ts',
    instead: 'return madeAt >= parentTakenAt && madeAt > (earliest.get(id) ?? Infinity);',
    stands: 'return false && madeAt > earliest.size;',
  },
];
