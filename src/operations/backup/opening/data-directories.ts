import { BackupError } from '../../../model/errors.ts';
import { latestCommitted, nodesOf, type Survey } from '../../../model/backup/backup.ts';
import { withoutFuture } from '../../../model/backup/future.ts';
import { placesOf } from '../../../cluster/tools/node-config.ts';
import { trustedWays } from '../../../cluster/tools/node-ways.ts';
import { dataOwnerOf } from '../../../model/node/ownership.ts';
import { type DirectoryWitness, directoriesByBackup, withRunning } from '../../../model/node/data-directories.ts';
import type { Ring } from '../../../model/ring/ring.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import { noTable } from '../../../storage/backups/node-manifest-format.ts';
import { unlessDamaged } from '../../../storage/unless-damaged.ts';
import type { Absent, Member, Members } from '../../nodes/members.ts';
import { ofNode } from '../node/earlier-manifests.ts';

/** What the location and the cluster say of the nodes. */
export interface DirectoryQuestion {
  readonly survey: Survey;
  readonly ring: Ring;
  readonly repository: Repository;
  /** By the store's clock, as the moments of the backups are. */
  readonly now: Date;
}

/**
 * The members, those left out of whom nobody can say which data directories their servers work with: a backup of what the file
 * has could lack a whole disk, and say that it is complete. Throws the first such error when no other member is left.
 */
export async function withKnownDirectories(members: Members, question: DirectoryQuestion, signal: AbortSignal): Promise<Members> {
  const settled = await Promise.all(members.present.map((member) => settle(member, question, signal)));
  const present = settled.flatMap((each) => ('config' in each ? [each] : []));
  const unknown = settled.flatMap((each) => ('error' in each ? [each] : []));
  const [first] = unknown;
  if (present.length === 0 && first !== undefined) {
    throw first.error;
  }
  return { present, absent: [...members.absent, ...unknown] };
}

async function settle(member: Member, question: DirectoryQuestion, signal: AbortSignal): Promise<Member | Absent> {
  const { host, config, info } = member;
  if (config.edited !== true) {
    return member;
  }
  const version = question.ring.nodes.find(({ hostId }) => hostId === info?.hostId)?.version ?? '';
  const startedAt = info?.uptimeSeconds === undefined ? undefined : question.now.getTime() - info.uptimeSeconds * 1000;
  const witness = await newestOf(member, question, signal);
  const directories = directoriesByBackup(config, witness, { startedAt, version });
  if (directories !== undefined) {
    return trusted(member, withRunning(config, directories), signal);
  }
  const error = new BackupError(
    `${host}: ${config.path} was changed after Cassandra had started, and nobody can say which data directories it works with`,
    {
      hint: version.startsWith('3.')
        ? 'Cassandra 3 cannot be asked: start it anew, so that it works with what the file says'
        : 'let cqlsh log in there, so that the server can be asked, or start it anew with what the file says',
    },
  );
  return { host, error };
}

/** What a backup says may have been written by others since: the directories must be whose the node's are. */
async function trusted(member: Member, config: Member['config'], signal: AbortSignal): Promise<Member | Absent> {
  const { host, remote } = member;
  try {
    const ways = await trustedWays(remote, placesOf(config, []), signal);
    if (dataOwnerOf(ways.directories)?.uid === config.dataUser) {
      return { ...member, config };
    }
    return { host, error: new BackupError(`${host}: ${config.dataDirectories.join(', ')} belong to others than the data do`) };
  } catch (error) {
    signal.throwIfAborted();
    return { host, error };
  }
}

/** What the newest backup that has the node says of it. */
async function newestOf(
  { info }: Member,
  { survey, repository, now }: DirectoryQuestion,
  signal: AbortSignal,
): Promise<DirectoryWitness | undefined> {
  const past = withoutFuture(survey.backups, now);
  const newest = latestCommitted(past.filter((backup) => nodesOf(backup).some(({ hostId }) => hostId === info?.hostId)));
  if (info === undefined || newest === undefined) {
    return undefined;
  }
  const read = () => ofNode(newest, info.hostId, repository, noTable, signal);
  const manifest = await unlessDamaged(read, () => undefined);
  return manifest === undefined
    ? undefined
    : { id: newest.id, takenAt: manifest.takenAt, dataDirectories: manifest.dataDirectories };
}
