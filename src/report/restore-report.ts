import type { RestoreResult } from '../model/restore/restore-result.ts';
import { sizeText } from '../model/size.ts';
import type { TableId } from '../model/sstable.ts';
import { count } from './backup-report.ts';
import { coverageText } from './coverage-report.ts';
import { absencesText, clearsText, dataOf, lostText, placedTable, planTable, wayBackOf } from './restore-plan-report.ts';
import { readCount, unreadable, unreadableText } from './probe-report.ts';
import { signaturesText } from './signatures-report.ts';
import { table } from './table.ts';
import { visible } from '../model/visible.ts';

/** What came back where, and for staged files how to put them in place. */
export function restoreText(result: RestoreResult): string {
  const failed = result.nodes.filter((node) => node.error !== undefined).length;
  const unread = unreadable(result);
  const { lost = [] } = result;
  const verdict = result.dryRun
    ? `nothing is done yet: ${count(result.tables.length, 'table')} of backup ${result.backup} would be restored by ${result.method}: ${result.reason}`
    : unread > 0 && (failed === 0 || result.repair === 'failed')
      ? `NOT readable: the files of backup ${result.backup} are in place, and rows of ${unread} of ${count(result.tables.length, 'table')} cannot be read${failed === 0 ? '' : ', and the repair failed'}: see below`
      : failed === 0
        ? `${count(result.tables.length, 'table')} of backup ${result.backup} restored and checked${result.repair === 'done' ? ', then repaired' : ''}${readCount(result)}`
        : result.repair === 'failed'
          ? `${count(result.tables.length, 'table')} of backup ${result.backup} restored and checked, but NOT repaired: run nodetool repair -full for them on every node`
          : result.undo === undefined
            ? `NOT restored: ${failed} of ${count(result.nodes.length, 'node')} failed; ${lost.length > 0 ? 'the backup is damaged: see below' : 'run the command again, what is there and right stays'}`
            : `the files of backup ${result.backup} are in place, but ${failed} of ${count(result.nodes.length, 'node')} did not come up as they should: see above; do NOT run it again before that is mended or taken back`;
  const sections = [
    result.signatures === undefined ? '' : `${signaturesText(result.signatures)}\n`,
    lostText(result),
    unreadableText(result),
    failed === 0 ? coverageOf(result) : '',
    copiesOf(result),
    absencesText(result),
    clearsText(result),
    loadOf(result),
    statementsOf(result),
    repairOf(result),
    wayBackOf(result),
    restartOf(result),
    placing(result),
  ];
  return `${result.dryRun ? planTable(result) : resultTable(result)}\n${verdict}\n${sections.join('')}`;
}

function repairOf({ dryRun, repair, tables }: RestoreResult): string {
  const names = tables.map(({ keyspace, table: name }) => `${keyspace}.${name}`).join(', ');
  return dryRun && repair === 'planned' ? `\nIn the end nodetool repair runs on every node that takes part: ${names}\n` : '';
}

/** A repair has brought what some replicas lacked, and nothing that none had. */
function coverageOf({ repair, coverage }: RestoreResult): string {
  const isRepaired = repair === 'done' && coverage.every((each) => !('unknown' in each) && each.missingShare === 0);
  return isRepaired ? '' : coverageText(coverage);
}

function resultTable({ nodes }: RestoreResult): string {
  const rows = nodes.map((node) => [
    node.host,
    dataOf(node),
    node.error === undefined ? 'ok' : 'FAILED',
    String(node.files),
    sizeText(node.bytes),
    String(node.presentFiles),
    node.error ?? node.directory,
  ]);
  return table(['node', 'data of', 'state', '>files', '>size', '>present', 'directory'], rows);
}

/** The plan, and the question whether to go on. */
export function restoreQuestion(plan: RestoreResult): string {
  return `${restoreText(plan)}Go on?`;
}

/** Whole, since the backup says them and not we; none of their lines can be taken for one of ours. */
function statementsOf({ dryRun, statements = [] }: RestoreResult): string {
  const texts = statements.map((statement) => `  ${visible(statement).replaceAll('\n', '\n    ')};\n`);
  return dryRun && texts.length > 0 ? `\nIt begins with these statements:\n${texts.join('')}` : '';
}

function copiesOf({ copies = [] }: RestoreResult): string {
  const lines = copies.map(({ from, to }) => `  ${fullName(from)} as ${fullName(to)}\n`);
  return lines.length === 0 ? '' : `\nA copy beside the living table, which is not touched:\n${lines.join('')}`;
}

function fullName({ keyspace, table: name }: TableId): string {
  return `${keyspace}.${name}`;
}

/** The figures that decide whether a load is bearable: the network and the disks get more than the backup holds. */
function loadOf({ dryRun, load = [] }: RestoreResult): string {
  if (!dryRun || load.length === 0) {
    return '';
  }
  const rows = load.map(({ keyspace, bytes, copies }) => [
    keyspace,
    sizeText(bytes),
    copies === undefined ? '?' : `× ${copies}`,
    copies === undefined ? '?' : sizeText(bytes * copies),
  ]);
  return `
The files of all nodes of the backup are streamed, each to every node that has copies of its rows:
${table(['keyspace', '>files', '>copies', '>streamed'], rows)}The backup has each row as often as it had copies then; compaction leaves one per node. Until then it takes that room.
`;
}

/** What the node restart method is about to do, or how to take back what it did. */
function restartOf(result: RestoreResult): string {
  const { dryRun, stops = [], service, tables, undo } = result;
  if (dryRun && stops.length > 0) {
    const hosts = stops.join(',');
    return `
The files of these tables take the place of what is live:
${tables.map(placedTable).join('')}Files are fetched and checked first. Then Cassandra is drained and STOPPED on ${stops.join(', ')};
the tables' files there become the snapshot before-restore-…, commit log, hints and saved caches are moved aside, the
restored files take their place, and the nodes are started again. Nothing is deleted.
  stop:  ${service?.stop ?? ''}
  start: ${service?.start ?? ''}
  back:  sstash restore --undo --hosts ${hosts}
`;
  }
  return undo === undefined
    ? ''
    : `
The old files are on the nodes, as the tables' snapshot before-restore-${undo}.
  to go back:            sstash restore --undo ${undo} --hosts ${stops.join(',')}
  to free them for good: nodetool clearsnapshot -t before-restore-${undo}, on every node; then there is no way back
`;
}

interface UndoOutcome {
  readonly id: string;
  readonly dryRun: boolean;
  readonly nodes: readonly { readonly host: string; readonly phase: string; readonly error?: string }[];
  readonly tables: readonly string[];
  readonly service: { readonly stop: string; readonly start: string };
}

export function undoText({ id, dryRun, nodes, tables, service }: UndoOutcome): string {
  const rows = nodes.map(({ host, phase, error }) => [host, phase, error ?? '']);
  const failed = nodes.filter(({ error }) => error !== undefined).length;
  const verdict = dryRun
    ? `nothing is done yet: Cassandra would be STOPPED on these nodes, the files of ${count(tables.length, 'table')} from before restore ${id} put back, and the nodes started\nwhat these tables hold now, with all that was written since, becomes the snapshot restored-${id} of each\n  stop:  ${service.stop}\n  start: ${service.start}`
    : failed === 0
      ? `restore ${id} is taken back; what it had brought is the snapshot restored-${id} of each table`
      : `the files from before restore ${id} are back, but ${failed} of ${count(nodes.length, 'node')} did not come up`;
  return `${table(['node', 'state', 'detail'], rows)}\n${verdict}\n`;
}

/** The plan, and the question whether to go on. */
export function undoQuestion(plan: UndoOutcome): string {
  return `${undoText(plan)}Go on?`;
}

function placing(result: RestoreResult): string {
  if (result.commands === '' || result.dryRun) {
    return '';
  }
  if (result.commandsBy === 'refresh') {
    return `
The files are beside the live data, and no table was touched. To load them, run this on this host; nothing is stopped:

# ---- refresh, begin
${result.commands}# ---- refresh, end
`;
  }
  return `
The files are beside the live data; nothing was stopped or replaced. To put them in place by the node restart method,
run this on this host (it stops the whole cluster; old files are moved aside, not deleted):

# ---- node restart method, begin
${result.commands}# ---- node restart method, end
`;
}

export function restoreJson(result: RestoreResult): unknown {
  return result;
}
