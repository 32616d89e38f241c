import { type NodeDirectories, ownDisk, sstableNames } from '../disk-plan.ts';
import { asOwnerFunctionScript } from '../../node/owner-shell.ts';
import { comment, type EndOf, hereDocument, printedWord as quote } from '../../node/shell-text.ts';
import type { TablePart } from '../plan.ts';
import type { RestoredTable } from '../restore-result.ts';
import { tableDirectory } from '../../sstable.ts';

/**
 * The file in a node's first data directory that says when files were placed there. Cassandra links what it flushes or
 * streams into `backups/`, but nothing that was there when it started: no incremental backup may stand on an older parent.
 */
export const placedMark = '.sstash-placed';

/** What the commands of the node restart method need to know of one node. */
export interface RestartNode extends NodeDirectories {
  readonly host: string;
  /** The local command that runs a shell script from its standard input on the node as root (or Cassandra's user). */
  readonly shell: string;
  readonly stagingDirectory: string;
  /** What goes to which data directory; all of a table to one where nothing is said. */
  readonly parts: readonly TablePart[];
  readonly commitlogDirectory: string;
  readonly hintsDirectory: string;
  readonly savedCachesDirectory: string;
  /** The number of the user whom the data belong to. */
  readonly dataUser: number | undefined;
  /** How it is started there. */
  readonly nodetool: readonly string[];
  /** The file on the node that `nodetool` reads the password from, where it needs one. */
  readonly passwordFile?: string | undefined;
}

/**
 * The node restart method for this cluster, as one shell script to paste or run on the control host: drain and stop every
 * node, move the old files of the chosen tables aside (never delete), move the restored ones in, start, repair. Files are moved
 * as the owner of the data, behind whatever links that user has made.
 * https://cassandra.apache.org/doc/5.0/cassandra/managing/operating/backups.html
 *
 * Every node must be down before the first file is placed: a node that is up would stream or hint old data to the others.
 * Nothing that a node or the bucket says gets out of the word or the comment that it stands in. Throws BackupError for control characters.
 */
export function restartScript(nodes: readonly RestartNode[], tables: readonly RestoredTable[], endOf: EndOf): string {
  const placed = tables.filter((table) => table.liveId !== undefined);
  const stamp = 'before-restore-$(date -u +%Y%m%dT%H%M%SZ)';
  const lines = [
    // It runs in a subshell: pasted into a terminal, a command that fails must end the script and not the terminal.
    '(',
    'set -eu',
    ...tables
      .filter((table) => table.liveId !== undefined && table.liveId !== table.id)
      .map(({ keyspace, table, id, liveId }) =>
        comment(
          `${keyspace}.${table}: its id is ${liveId} now, ${id} in the backup; its files go to the directory of the new id`,
        ),
      ),
    ...tables
      .filter((table) => table.liveId === undefined)
      .map(({ keyspace, table }) =>
        comment(
          `${keyspace}.${table}: NOT placed, no table of that name lives now; create it from the backup's schema.cql first and run the restore again`,
        ),
      ),
    ...passwordNote(nodes),
    '',
    // One after another, each would wait for the connections to those that are down: measured 3, 27 and 11 seconds.
    '# 1. flush and stop every node, side by side',
    ...nodes.flatMap((node, number) => [
      ...heredoc(node.shell, [drainCommand(node), stopServiceScript], endOf, ' &'),
      `stopping${number}=$!`,
    ]),
    'failed=',
    ...nodes.map((_, number) => `wait "$stopping${number}" || failed=yes`),
    '[ -z "$failed" ] || exit 1',
    '',
    '# 2. on every node: old files aside on the same disk, restored files in, commit log, hints and saved caches aside',
    ...nodes.flatMap((node) => heredoc(node.shell, placeLines(node, placed, stamp, endOf), endOf)),
    '',
    '# 3. start every node',
    ...nodes.flatMap((node) => heredoc(node.shell, [startServiceScript], endOf)),
    '',
    '# 4. when `nodetool status` shows UN everywhere, and applications may read again:',
    ...nodes.map(({ host, nodetool }) => {
      const keyspaces = [...new Set(placed.map((table) => table.keyspace))];
      const commands = keyspaces.map((keyspace) => words([...nodetool, 'repair', keyspace]));
      return comment(`   on ${host}: ${commands.join(' && ')}`);
    }),
    ')',
  ];
  return `${lines.join('\n')}\n`;
}

/** A password stands in no text that people read and keep. */
function passwordNote(nodes: readonly RestartNode[]): readonly string[] {
  const file = nodes.find(({ passwordFile }) => passwordFile !== undefined)?.passwordFile;
  return file === undefined
    ? []
    : [
        '# nodetool reads its password from a file that is not there yet. Make it on every node first, as the user who runs nodetool there, with',
        '# one line, user and password as in your file for --jmx-credentials, and delete it afterwards:',
        `#    (umask 077; set -C; cat >${file})`,
      ];
}

/** A node that is down cannot be drained, and its commit log may hold writes of other tables, which step 2 moves aside. */
function drainCommand({ host, nodetool }: RestartNode): string {
  const advice = `cannot drain ${host}: start Cassandra there first, or its latest writes to other tables are left aside`;
  return `${words([...nodetool, 'drain'])} || { printf '%s\\n' ${quote(advice)} >&2; exit 1; }`;
}

export const stopServiceScript: string =
  'if [ -d /run/systemd/system ]; then systemctl stop cassandra; else service cassandra stop; fi';
export const startServiceScript =
  'if [ -d /run/systemd/system ]; then systemctl start cassandra; else service cassandra start; fi';

function words(command: readonly string[]): string {
  return command.map(quote).join(' ');
}

function heredoc(shell: string, lines: readonly string[], endOf: EndOf, after?: string): readonly string[] {
  return hereDocument(shell, ['set -eu', ...lines], endOf('SSTASH'), after);
}

function placeLines(node: RestartNode, tables: readonly RestoredTable[], stamp: string, endOf: EndOf): readonly string[] {
  const [first = ''] = node.dataDirectories;
  return [
    `owner=${quote(first)}`,
    ...asOwnerFunctionScript.split('\n'),
    `staging=${quote(node.stagingDirectory)}`,
    `user=${node.dataUser ?? ''}`,
    '[ ! -d "$staging" ] || (as_owner "$user" test -x "$staging") || { echo "the owner of $owner cannot enter $staging" >&2; exit 1; }',
    '# as the user that the data belong to, who has made the links that tables may be behind',
    ...hereDocument('(as_owner "$user" sh)', placeAsOwner(node, tables, stamp), endOf('PLACE')),
  ];
}

/** What is done to the files, as their owner. */
function placeAsOwner(node: RestartNode, tables: readonly RestoredTable[], stamp: string): readonly string[] {
  const [first = ''] = node.dataDirectories;
  return [
    'set -eu',
    `old=${stamp}`,
    `owner=${quote(first)}`,
    'die() { echo "$*" >&2; exit 1; }',
    'device() { stat -L -c %d "$1"; }',
    'aside() { # DIRECTORY OLD: its files go to OLD, on the same disk',
    '  [ -d "$1" ] || return 0',
    '  mkdir -p "$2"; [ "$(device "$1")" = "$(device "$2")" ] || die "$1 and $2 are not on one disk"',
    '  find "$1/" -mindepth 1 -maxdepth 1 ! -xtype d -exec mv -n -t "$2" {} +',
    '  left=$(find "$1/" -mindepth 1 -maxdepth 1 ! -xtype d -print -quit); [ -z "$left" ] || die "cannot move $left to $2"',
    '}',
    "# a table's old files become a snapshot: nodetool lists and clears it",
    'aside_table() { aside "$1" "$1/snapshots/$old"; for i in "$1"/.[!.]*; do [ ! -d "$i" ] || aside "$i" "$1/snapshots/$old/${i##*/}"; done; }',
    'put() { # FILE NAME: never over what is there; from another disk it gets its name when all of it is there',
    '  [ ! -e "$2" ] || die "$2 is there already"',
    '  from=$1; [ "$near" = yes ] || { from=$live/snapshots/incoming; mkdir -p "$live/snapshots"; cp -p "$1" "$from"; }',
    '  mv -n "$from" "$2"; [ ! -e "$from" ] || die "cannot move $from to $2"; [ "$near" = yes ] || rm "$1"',
    '}',
    'begin() { staged=$1 live=$2; mkdir -p "$live"; near=no; [ "$(device "$staged")" != "$(device "$live")" ] || near=yes; }',
    'place() { # STAGED LIVE: index directories too',
    '  begin "$1" "$2"',
    '  (cd "$staged" && find . -type d) | while read -r d; do mkdir -p "$live/$d"; done',
    '  (cd "$staged" && find . -type f) | while read -r f; do put "$staged/$f" "$live/$f"; done',
    '}',
    ...(node.parts.some(({ disk, table }) => disk !== ownDisk(table.keyspace, node)) ? placeSomeLines : []),
    ...tables.flatMap((table) => {
      const live = tableDirectory({ ...table, id: table.liveId ?? table.id });
      const staged = `${node.stagingDirectory}/${tableDirectory(table)}`;
      return [
        comment(tableDirectory(table)),
        ...node.dataDirectories.map((directory) => `aside_table ${quote(`${directory}/${live}`)}`),
        ...elsewhere(node, table).map(
          ({ disk, names }) => `place_some ${quote(staged)} ${quote(`${disk}/${live}`)} ${names.map(quote).join(' ')}`,
        ),
        `[ ! -d ${quote(staged)} ] || place ${quote(staged)} ${quote(`${ownDisk(table.keyspace, node)}/${live}`)}`,
      ];
    }),
    `touch "$owner"/${placedMark}`,
    ...[node.commitlogDirectory, node.hintsDirectory, node.savedCachesDirectory].map(
      (directory) => `aside ${quote(directory)} ${quote(directory)}/"$old"`,
    ),
  ];
}

const placeSomeLines: readonly string[] = [
  'place_some() { # STAGED LIVE SSTABLE...: these alone, from another disk',
  '  begin "$1" "$2"; shift 2',
  '  for s; do',
  '    to=$live/$s; to=${to%/*}; mkdir -p "$to"',
  '    for f in "$staged/$s"-*; do put "$f" "$to/${f##*/}"; done',
  '  done',
  '}',
];

/** The sstables of a table that go to another data directory than its own; they are staged together with the others. */
function elsewhere(
  node: RestartNode,
  table: RestoredTable,
): readonly { readonly disk: string; readonly names: readonly string[] }[] {
  const name = tableDirectory(table);
  return node.parts.flatMap((part) => {
    const { disk } = part;
    const names = sstableNames(part);
    return disk === undefined ||
      disk === ownDisk(table.keyspace, node) ||
      tableDirectory(part.table) !== name ||
      names.length === 0
      ? []
      : [{ disk, names }];
  });
}
