import { asOwnerFunctionScript } from '../../node/owner-shell.ts';
import { comment, type EndOf, hereDocument, printedWord as quote } from '../../node/shell-text.ts';
import type { RestoredTable } from '../restore-result.ts';
import { tableDirectory } from '../../sstable.ts';

/** What the commands need to know of one ScyllaDB node. */
export interface RefreshNode {
  readonly host: string;
  /** The local command that runs a shell script from its standard input on the node as root (or Scylla's user). */
  readonly shell: string;
  readonly stagingDirectory: string;
  readonly dataDirectories: readonly string[];
  /** The number of the user whom the data belong to. */
  readonly dataUser: number | undefined;
  /** How it is started there. */
  readonly nodetool: readonly string[];
}

/**
 * How staged files get into the tables of a running ScyllaDB, as a shell script for the control host: into `upload/` of each
 * table, then `nodetool refresh`. A name that lies in `upload/` already ends the script: it is of another restore.
 * With `--load-and-stream` in every line: nobody knows when the script is run which keyspaces are in tablets then, and rows
 * that the node has itself are streamed to it as well.
 * https://docs.scylladb.com/manual/stable/operating-scylla/nodetool-commands/refresh.html
 *
 * Nothing that a node or the bucket says gets out of the word or the comment that it stands in. Throws BackupError for control characters.
 */
export function refreshScript(nodes: readonly RefreshNode[], tables: readonly RestoredTable[], endOf: EndOf): string {
  const lines = [
    '(',
    'set -eu',
    ...tables
      .filter(({ liveId }) => liveId === undefined)
      .map(({ keyspace, table }) =>
        comment(
          `${keyspace}.${table}: NOT loaded, no table of that name lives now; create it from the backup's schema.cql first and run the restore again`,
        ),
      ),
    ...nodes.flatMap((node) => ['', comment(node.host), ...hereDocument(node.shell, nodeLines(node, tables), endOf('SSTASH'))]),
    ')',
  ];
  return `${lines.join('\n')}\n`;
}

// STAGED UPLOAD: from another disk a file gets its name when all of it is there.
export const moveToUploadScript: string = `for f in "$1"/*; do
  to=$2/\${f##*/} from=$f part=
  [ ! -e "$to" ] || { echo "$2 holds \${f##*/} already" >&2; exit 1; }
  [ "$(stat -c %d -- "$f")" = "$(stat -L -c %d -- "$2")" ] || { part=$2/.sstash-part from=$2/.sstash-part; cp -p -- "$f" "$part" || exit 1; }
  mv -n -- "$from" "$to"; [ ! -e "$from" ] || { echo "cannot move $from to $to" >&2; exit 1; }
  [ -z "$part" ] || rm -- "$f" || exit 1
done`;

function nodeLines(
  { stagingDirectory, dataDirectories: [data = ''], dataUser, nodetool }: RefreshNode,
  tables: readonly RestoredTable[],
): readonly string[] {
  return [
    'set -eu',
    ...asOwnerFunctionScript.split('\n'),
    'load() { # STAGED UPLOAD KEYSPACE TABLE',
    '  [ -d "$1" ] && [ -n "$(ls "$1")" ] || return 0',
    '  # shellcheck disable=SC2016 # for the shell of that user',
    ...`  (as_owner ${dataUser ?? "''"} sh -c '${moveToUploadScript}' sh "$1" "$2")`.split('\n'),
    `  ${nodetool.map(quote).join(' ')} refresh --load-and-stream -- "$3" "$4"`,
    '}',
    ...tables.flatMap((table) => {
      const { keyspace, table: name, liveId } = table;
      const words = [
        `${stagingDirectory}/${tableDirectory(table)}`,
        `${data}/${tableDirectory({ ...table, id: liveId ?? table.id })}/upload`,
        keyspace,
        name,
      ];
      return liveId === undefined ? [] : [`load ${words.map(quote).join(' ')}`];
    }),
  ];
}
