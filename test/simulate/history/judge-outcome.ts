import { messageOf } from '../../../src/model/errors.ts';
import { committedBackups } from '../oracle/stored-backups.ts';
import { lineText, type Ran } from './operator.ts';
import { base, type World } from './world.ts';

/** What does not fit between what a command said it did, by its exit code above all, and what is so. */
export function judgeOutcome(
  { bucket }: World,
  { line, exitCode, json, said, defect, begunMs }: Ran,
  isInterrupted: boolean,
): readonly string[] {
  const name = lineText(line);
  const faults: string[] = [];
  if (defect !== undefined && !isInterrupted) {
    faults.push(
      `${name} failed in a way that it knows nothing of: ${defect instanceof Error ? (defect.stack ?? '') : messageOf(defect)}`,
    );
  }
  if (exitCode === undefined || said.every((text) => text.trim() === '')) {
    faults.push(`${name} ended with ${exitCode} and said nothing`);
  }
  if (exitCode === 130 && !isInterrupted) {
    faults.push(`${name} says that it was interrupted, and was not`);
  }
  if (line.command === 'backup' && (exitCode === 0 || exitCode === 3)) {
    const { id, state, path } = resultOf(json);
    const committed = committedBackups(bucket, base).find(({ prefix }) => prefix === `${base}/${path}`);
    const is = committed === undefined ? 'incomplete' : (committed.manifest.state ?? 'complete');
    if (is !== state || (exitCode === 0) !== (state === 'complete')) {
      // Somebody else may have deleted it already.
      const wasThere = bucket.deeds.some(
        ({ verb, key, atMs }) => verb === 'delete' && key === `${base}/${path}manifest.json` && atMs > begunMs,
      );
      if (!wasThere) {
        faults.push(`${name} ended with ${exitCode} and says that ${id} is ${state}; it is ${is}`);
      }
    }
  }
  return faults;
}

function resultOf(json: unknown): { readonly id: string; readonly state: string; readonly path: string } {
  if (typeof json === 'object' && json !== null && 'id' in json && 'state' in json && 'path' in json) {
    return { id: String(json.id), state: String(json.state), path: String(json.path) };
  }
  throw new Error('a backup has a result');
}
