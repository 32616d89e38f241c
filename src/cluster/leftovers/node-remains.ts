import { isMoment } from '../../model/backup/backup-id.ts';
import { BackupError } from '../../model/errors.ts';
import type { FileRemains, NodeRemains, Remains, StagingRemains, UndoRemains } from '../../model/retention/leftovers/leftover.ts';
import type { ClusterNode } from '../node.ts';
import { findStagings, type LeftStaging, stagingHomes } from '../placing/left-stagings.ts';
import { readJournals } from '../placing/placing.ts';
import { lookForLeftScript, lookForSecretsScript } from './look-script.ts';
import { numberOf, recordsOf } from './records.ts';

/** A staging directory by its path, which is known again by its device and inode when it is cleared. */
export type FoundStaging = StagingRemains & Pick<LeftStaging, 'identity'>;

export type FoundOnNode = Omit<NodeRemains, 'host' | 'hostId' | 'staging'> & { readonly staging: readonly FoundStaging[] };

/** Where `restore --method stage` stages files when nobody says where. */
const stageHome = '/tmp/cassandra_restore';

/** Commit log, hints, saved caches: what a restore moves aside there too. */
export function stateDirectoriesOf({ config }: ClusterNode): readonly string[] {
  const { commitlogDirectory, hintsDirectory, savedCachesDirectory } = config;
  return [commitlogDirectory, hintsDirectory, savedCachesDirectory];
}

/**
 * Looks on a node for what a run can have left there, by its directories: also where Cassandra is down. Changes nothing. Throws
 * RemoteError, BackupError.
 */
export async function lookForRemains(node: ClusterNode, signal: AbortSignal): Promise<FoundOnNode> {
  const [[busy, found], staging, journals, secrets] = await Promise.all([
    lookInData(node, signal),
    findStagings(node, [...stagingHomes(node), stageHome], signal),
    readJournals(node, signal),
    lookForSecrets(node, signal),
  ]);
  const aside = new Map<string, UndoRemains>(
    journals.map(({ id, phase, isDown }) => [id, { name: id, phase, isDown, bytes: 0, ageSeconds: 0 }]),
  );
  for (const [kind, each] of found) {
    const id = kind === 'journal' ? each.name : kind === 'file' ? undefined : asideOf(each.name);
    // An operator may call a snapshot so too: the id of a restore is a moment, or its journal is there. One that died while it began has a
    // directory for its journal and nothing that says how far it was.
    if (id !== undefined && (aside.has(id) || isMoment(id))) {
      const { phase, isDown = false, bytes = 0, ageSeconds = 0 } = aside.get(id) ?? {};
      const age = Math.max(ageSeconds, each.ageSeconds);
      aside.set(id, { name: id, phase, isDown, bytes: bytes + each.bytes, ageSeconds: age });
    }
  }
  const named = (wanted: string) => found.flatMap(([kind, each]) => (kind === wanted ? [each] : []));
  return {
    busy,
    snapshots: named('snapshot').filter(({ name }) => asideOf(name) === undefined),
    undo: [...aside.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    staging: staging.map(({ directory, state, ...rest }) => ({ ...rest, name: directory, busy: busyness[state] })),
    files: [...named('file').map((each) => ({ ...each, kind: 'temporary' as const, used: false, inData: true })), ...secrets],
  };
}

const busyness = { free: 'no', busy: 'yes', unknown: 'unknown' } as const;

/** The restore that has moved these files aside, if one has. */
function asideOf(name: string): string | undefined {
  return /^(?:before-restore|restored|incoming)-(.+)$/.exec(name)?.[1];
}

async function lookInData(
  node: ClusterNode,
  signal: AbortSignal,
): Promise<readonly [busy: NodeRemains['busy'], found: readonly (readonly [kind: string, remains: Remains])[]]> {
  const words = [...stateDirectoriesOf(node), '--', ...node.config.dataDirectories];
  const records = recordsOf(await node.files.run(['sh', '-c', lookForLeftScript, 'sh', ...words], {}, signal));
  const busy = records.find(([kind]) => kind === 'busy')?.[1];
  if (busy !== 'yes' && busy !== 'no' && busy !== 'unknown') {
    throw new BackupError(`${node.files.host} does not say what lies in its data directories`);
  }
  const found = records.flatMap(([kind = '', name = '', bytes, age]) =>
    kind === 'busy' ? [] : [[kind, { name, bytes: numberOf(bytes), ageSeconds: numberOf(age) }] as const],
  );
  return [busy, found];
}

/** Where files are made that are to be gone a moment later; the node adds where its user's are. */
const passingPlaces = ['/dev/shm', '/tmp'];

/** Programs run as who logs in, or as the owner of the data. */
async function lookForSecrets({ remote, files }: ClusterNode, signal: AbortSignal): Promise<readonly FileRemains[]> {
  const answers = await Promise.all(
    (remote === files ? [remote] : [remote, files]).map((each) =>
      each.run(['sh', '-c', lookForSecretsScript, 'sh', ...passingPlaces], {}, signal),
    ),
  );
  const found = answers.flatMap(recordsOf).map(([kind, name = '', bytes, age, used]): FileRemains => ({
    kind: kind === 'login' ? 'login' : 'temporary',
    name,
    bytes: numberOf(bytes),
    ageSeconds: numberOf(age),
    used: used !== 'no',
    inData: false,
  }));
  return [...new Map(found.map((each) => [each.name, each])).values()];
}
