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
];
