import { IntegrityError } from '../../model/errors.ts';
import type { TablePart } from '../../model/restore/plan.ts';
import { isDataFile } from '../../model/sstable.ts';
import { linesOf } from '../conversation.ts';
import type { Remote } from '../remote.ts';
import type { Staging } from './staging.ts';
import { listStagedScript } from './staging-script.ts';

/**
 * Holds what lies in a staging directory against what was planned: every file with its size, and no sstable besides. For just
 * before something is done with it, since what is not there is not loaded, and whoever loads says nothing of it.
 * Throws IntegrityError, and RemoteError as where another directory has its name.
 */
export async function checkStaged(
  files: Remote,
  { directory, identity }: Staging,
  parts: readonly TablePart[],
  signal: AbortSignal,
): Promise<void> {
  const planned = new Map<string, number>(
    parts.flatMap(({ table, directory: at }) => table.files.map(({ path, bytes }) => [`${at}/${path}`, bytes] as const)),
  );
  const count = planned.size;
  if (count === 0) {
    return;
  }
  const input = parts.map((part) => `${part.directory}\n`).join('');
  let strange: string | undefined;
  for await (const line of linesOf(files.read(['sh', '-c', listStagedScript, 'sh', directory, identity], { input }, signal))) {
    const tab = line.indexOf('\t');
    const path = line.slice(tab + 1);
    const bytes = planned.get(path);
    if (bytes === Number(line.slice(0, tab))) {
      planned.delete(path);
    } else if (bytes === undefined && isDataFile(path)) {
      strange ??= path;
    }
  }
  const [lacking] = planned.keys();
  if (lacking !== undefined) {
    throw new IntegrityError(
      `${files.host}: ${planned.size} of the ${count} files that were staged in ${directory} are not there as they were: ${lacking}`,
      { hint: 'something has removed or changed them; run the command again, which fetches what is lacking' },
    );
  }
  if (strange !== undefined) {
    throw new IntegrityError(`${files.host}: ${directory}/${strange} is no file of this restore`, {
      hint: `something has put it there: remove it, and run the command again`,
    });
  }
}
