import { readPlacingDisks } from '../../../cluster/placing/placing.ts';
import type { TableId } from '../../../model/sstable.ts';
import { followedLinks, linksAndTrouble } from '../../nodes/data-links.ts';
import { UsageError } from '../../../model/errors.ts';
import { planDisks } from '../../../model/restore/disk-plan.ts';
import type { RestoreMethod } from '../../../model/restore/method.ts';
import type { TablePart } from '../../../model/restore/plan.ts';
import type { Member } from '../../nodes/members.ts';
import type { NodePlacing, NodeWork } from '../options.ts';

/** What is to be placed on a node. */
export interface PlacingQuestion {
  readonly parts: readonly TablePart[];
  /** The data directories that it came from. */
  readonly dataDirectories: readonly string[];
  readonly method: RestoreMethod;
  /** What is restored, whether the node gets files of it or not. */
  readonly tables: readonly TableId[];
  /** The staging directory. */
  readonly directory: string;
}

/**
 * Looks at a node's disks and says what goes to which. Undefined where the server takes the files itself: `nodetool import` looks
 * for each sstable's disk, and Scylla loads what lies in `upload/`. Throws UsageError where a table that is to be changed is behind
 * a link that is not followed, and RemoteError.
 */
export async function planPlacing(
  member: Member,
  { parts, dataDirectories, method, directory, tables }: PlacingQuestion,
  signal: AbortSignal,
): Promise<NodePlacing | undefined> {
  if (method === 'load') {
    return undefined;
  }
  const changed = changedConfig(member.config);
  if (changed !== undefined && (method === 'node-restart' || (method === 'refresh' && member.config.edited === true))) {
    throw new UsageError(`${member.host}: ${changed}`, {
      hint: 'start Cassandra anew with what the file says, or put the file back as it was, then run the command again',
    });
  }
  const { links, trouble } =
    method === 'stage'
      ? await linksAndTrouble(member, tables, signal)
      : { links: await followedLinks(member, tables, signal), trouble: undefined };
  if ((method !== 'node-restart' && method !== 'stage') || member.config.flavour === 'scylla') {
    return undefined;
  }
  const found = await readPlacingDisks(member, directory, signal);
  return { ...found, ...planDisks(parts, dataDirectories, found.disks, member.config), links, trouble: trouble ?? changed };
}

/** Why files that are placed now would lie where the server does not look once it is started again. */
function changedConfig({ path, edited, comingDirectories }: Member['config']): string | undefined {
  return edited === true
    ? `${path} was changed after Cassandra had started, and nobody can say which data directories it works with`
    : comingDirectories === undefined
      ? undefined
      : `${path} was changed after Cassandra had started, and has ${comingDirectories.join(', ')} for data directories: others than it works with until it is started anew`;
}

/** What whoever agrees should know: files of one disk come back on several, or are staged on a disk that holds no data. */
export function diskWarnings(work: readonly NodeWork[], method: RestoreMethod): readonly string[] {
  const aside = work.filter(({ placing }) => method === 'node-restart' && placing?.disks.every(({ staged }) => !staged) === true);
  const staged = aside.map(
    ({ member, staging }) =>
      `${member.host}: ${staging.directory} is on none of the disks of the data, so everything is copied while Cassandra is down; give a directory on one with --to`,
  );
  const troubles = work.flatMap(({ member, placing }) =>
    placing?.trouble === undefined ? [] : [`${member.host}: do not run the commands yet: ${placing.trouble}`],
  );
  return [...staged, ...spreadWarnings(work), ...troubles];
}

function spreadWarnings(work: readonly NodeWork[]): readonly string[] {
  return work.flatMap(({ member, placing }) => {
    const { spread = [], disks = [] } = placing ?? {};
    const now = disks.map(({ directory }) => directory).filter((directory) => directory !== member.config.localSystemDirectory);
    return spread.length === 0
      ? []
      : [
          `${member.host}: sstables of ${spread.join(', ')} are spread over ${now.join(', ')}: it has no such directories, or no room in them`,
        ];
  });
}
