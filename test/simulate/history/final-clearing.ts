import type { Files } from '../host/files/files.ts';
import { strangePaths } from '../oracle/judge-nodes.ts';
import { base, type World } from './world.ts';

/** One thing that `clear` has found. */
interface Named {
  readonly kind: string;
  readonly host?: string;
  readonly name: string;
  readonly remove: boolean;
  readonly cleared?: boolean;
}

const journals = '/var/lib/cassandra/data/.sstash-undo';

function countsAsDown(files: Files): boolean {
  return (
    files.look(journals)?.kind === 'directory' &&
    files.list(journals).some((id) => files.look(`${journals}/${id}/down`) !== undefined)
  );
}

/** The restores that have moved files aside on any node, as their journals are called. */
export function restoresAside({ nodes }: World): readonly string[] {
  return [
    ...new Set(
      [...nodes.values()].flatMap(({ files }) =>
        files.look(journals)?.kind === 'directory' ? files.list(journals).filter((name) => name !== 'lock') : [],
      ),
    ),
  ];
}

/** What is there in spite of a `clear` that was to take everything, days after the last run, and what it has not named. */
export function judgeCleared({ nodes, bucket }: World, json: unknown): readonly string[] {
  // A node that could not be told that it is up again counts as stopped by a restore, until `restore --undo` is run once more.
  const down = new Set([...nodes].flatMap(([host, { files }]) => (countsAsDown(files) ? [host] : [])));
  const kept = foundIn(json).filter(({ cleared, host = '' }) => cleared !== true && !down.has(host));
  const onNodes = [...nodes].flatMap(([host, { host: machine }]) =>
    down.has(host) ? [] : strangePaths(machine.files).map((path) => `${path} is left on ${host}`),
  );
  const uploads = bucket.uploads(`${base}/`).map(({ key }) => `an upload of ${key} is left`);
  return [
    ...kept.map(({ host = 'the location', kind, name }) => `clear keeps ${kind} ${name} of ${host} with nothing in its way`),
    ...[...onNodes, ...uploads].map((each) => `${each}, though clear was to take everything`),
  ];
}

function foundIn(json: unknown): readonly Named[] {
  if (typeof json === 'object' && json !== null && 'found' in json && Array.isArray(json.found)) {
    return json.found;
  }
  throw new Error('clear has a result');
}
