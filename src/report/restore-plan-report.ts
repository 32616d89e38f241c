import { cqlName } from '../model/schema/cql-tokens.ts';
import { lostHint } from '../model/restore/lost-objects.ts';
import type { RestoredNode, RestoreResult } from '../model/restore/restore-result.ts';
import { sizeText } from '../model/size.ts';
import { visibleInLine } from '../model/visible.ts';
import { table } from './table.ts';

/** Who gets whose data, how that was found out, and whether there is room for it. */
export function planTable({ nodes }: RestoreResult): string {
  const rows = nodes.map((node) => [
    node.host,
    dataOf(node),
    node.matchedBy ?? '',
    String(node.files),
    sizeText(node.bytes),
    node.fetchBytes === undefined ? '' : sizeText(node.fetchBytes),
    node.freeBytes === undefined ? '' : sizeText(node.freeBytes),
    node.directory,
  ]);
  return table(['node', 'data of', 'matched by', '>files', '>size', '>to fetch', '>free', 'directory'], rows);
}

/** The node whose data it is, when that has another name. */
export function dataOf({ host, source }: RestoredNode): string {
  return source === host ? '' : source;
}

/** Which tables of an online restore have another id than in the backup, and what can be taken back. */
export function wayBackOf({ dryRun, method, tables, copies = [], statements = [] }: RestoreResult): string {
  if (!dryRun || (method !== 'import' && method !== 'refresh' && method !== 'load')) {
    return '';
  }
  const others = tables.filter(({ id, liveId }) => liveId !== undefined && liveId !== id);
  const ids = others.length === 0 ? '' : `\nThe files go into the tables that live now:\n${others.map(placedTable).join('')}`;
  const truncates = statements.some((statement) => statement.startsWith('TRUNCATE'));
  const kept = truncates ? '; TRUNCATE leaves a snapshot `truncated-…` where auto_snapshot is on' : '';
  const back =
    copies.length > 0
      ? copies.map(({ to }) => `DROP TABLE ${cqlName(to.keyspace)}.${cqlName(to.table)}`).join('; ')
      : `none: what is loaded is merged with what is there${kept}. To be able to go back, back up first`;
  return `${ids}\nNothing is stopped.\n  back: ${back}\n`;
}

/** A line that names a table, and its id where that has changed. */
export function placedTable({ keyspace, table: name, id, liveId }: RestoreResult['tables'][number]): string {
  const other = liveId === undefined || liveId === id ? '' : ` (its id is ${liveId} now, ${id} in the backup)`;
  return `  ${keyspace}.${name}${other}\n`;
}

/** A plan's place for what does not come back. */
export function absencesText({ dryRun, notBroughtBack = [] }: RestoreResult): string {
  const lines = notBroughtBack.map((line) => `  ${line}\n`);
  return dryRun && lines.length > 0 ? `\nNot brought back:\n${lines.join('')}` : '';
}

/** What earlier restores have left and goes before anything else. */
export function clearsText({ dryRun, clears = [] }: RestoreResult): string {
  const lines = clears.map(({ host, directory, label, bytes }) => {
    const what = label === '' ? 'a run that had fetched nothing' : visibleInLine(label);
    return `  ${host}: ${directory}, of ${what}${bytes === undefined ? '' : `, ${sizeText(bytes)}`}\n`;
  });
  return dryRun && lines.length > 0 ? `\nLeft by earlier restores that have ended, and REMOVED first:\n${lines.join('')}` : '';
}

/** What the restore needs and the store has not, as far as a page holds it; `--json` has all. */
export function lostText({ lost = [] }: RestoreResult): string {
  const shown = lost.slice(0, 10).map(({ key, detail }) => `  ${key} ${detail}\n`);
  const more = lost.length > shown.length ? `  and ${lost.length - shown.length} more\n` : '';
  const what = lost.length === 1 ? 'an object that is needed is not' : `${lost.length} objects that are needed are not`;
  return lost.length === 0
    ? ''
    : `\nThe backup is DAMAGED: ${what} in the store as stored:\n${shown.join('')}${more}  ${lostHint}\n`;
}
