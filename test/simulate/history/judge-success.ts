import type { Files } from '../host/files/files.ts';
import { merged, type Rows } from '../cassandra/rows.ts';
import { partsOf, rowsIn } from '../cassandra/sstable.ts';
import { cellText } from '../oracle/judge-backups.ts';
import { chainOf, committedBackups, rowsByHost } from '../oracle/stored-backups.ts';
import { lineText, type Ran } from './operator.ts';
import { base, type World } from './world.ts';

/** What does not fit between what a process has done to the bucket and the nodes and how its command ended. */
export function judgeSuccess(world: World, who: string, ran: Ran, isInterrupted: boolean): readonly string[] {
  const faults =
    ran.line.command === 'backup'
      ? judgeCommit(world, who, ran, isInterrupted)
      : ran.exitCode !== 0 || ran.line.values['dry-run'] === true
        ? []
        : ran.line.command === 'delete'
          ? judgeDeleted(world, ran)
          : ran.line.command === 'clear'
            ? judgeGone(world, ran)
            : ran.line.values['method'] === 'stage'
              ? judgeStaged(world, ran)
              : [];
  return faults.map((fault) => `${lineText(ran.line)} ended with ${ran.exitCode}: ${fault}`);
}

/** Whoever has committed a backup says so, whatever comes after; who says that it is complete has. */
function judgeCommit({ bucket }: World, who: string, { exitCode, begunMs }: Ran, isInterrupted: boolean): readonly string[] {
  const committed = bucket.deeds.filter(
    ({ verb, key, by, atMs }) => verb === 'put' && by === who && atMs >= begunMs && key.endsWith('/manifest.json'),
  );
  const tells = exitCode === 0 || exitCode === 3 || (exitCode === 130 && isInterrupted);
  return [
    ...(tells ? [] : committed.map(({ key }) => `it has put ${key}`)),
    ...(exitCode === 0 && committed.length === 0 ? ['it has put no manifest'] : []),
  ];
}

function judgeDeleted({ bucket }: World, { line }: Ran): readonly string[] {
  const id = String(line.values['backups']);
  return committedBackups(bucket, base)
    .filter(({ manifest }) => manifest.id === id)
    .map(({ prefix }) => `${prefix}manifest.json is there`);
}

/** Directories and objects that are said to be cleared. */
function judgeGone({ bucket, nodes }: World, { json }: Ran): readonly string[] {
  const found = (json as { readonly found: readonly { kind: string; host?: string; name: string; cleared?: boolean }[] }).found;
  const isThere = ({ kind, host, name }: (typeof found)[number]): boolean =>
    host === undefined
      ? (kind === 'mark' || kind === 'reading') && bucket.get(`${base}/${name}`) !== undefined
      : kind === 'staging' && nodes.get(host)?.host.files.look(name) !== undefined;
  return found.filter((each) => each.cleared === true && isThere(each)).map(({ name }) => `${name} is there`);
}

const stagedIn = '/tmp/cassandra_restore';

/** What was staged holds the rows of each node, as the backup has them. */
function judgeStaged({ bucket, nodes, crashes }: World, { json, begunMs }: Ran): readonly string[] {
  const { backup: id, tables } = json as { backup: string; tables: readonly { keyspace: string; table: string; id: string }[] };
  const all = committedBackups(bucket, base);
  const backup = all.find(({ manifest }) => manifest.id === id);
  // A host that has started meanwhile may have emptied the directory.
  if (backup === undefined || crashes.some((atMs) => atMs >= begunMs)) {
    return [];
  }
  return tables.flatMap((table) =>
    [...rowsByHost(bucket, base, chainOf(backup, all), table)].flatMap(([host, rows]) => {
      const files = nodes.get(host)?.host.files;
      const directory = `${stagedIn}/${table.keyspace}/${table.table}-${table.id}`;
      return files === undefined ? [] : differences(rows, stagedRows(files, directory)).map((each) => `${host}: ${each}`);
    }),
  );
}

function stagedRows(files: Files, directory: string): Rows {
  const names = files.look(directory) === undefined ? [] : files.list(directory);
  const data = names.filter((name) => partsOf(name)?.component === 'Data.db');
  return merged(data.map((name) => rowsIn(files.read(`${directory}/${name}`))));
}

function differences(wanted: Rows, found: Rows): readonly string[] {
  return [...new Set([...wanted.keys(), ...found.keys()])]
    .filter((key) => wanted.get(key)?.at !== found.get(key)?.at)
    .map((key) => `${key} is staged as ${cellText(found.get(key))}, and stored as ${cellText(wanted.get(key))}`);
}
