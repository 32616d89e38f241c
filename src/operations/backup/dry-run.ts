import { openRun } from './opening/open-run.ts';
import { reasonOf } from '../../model/errors.ts';
import { readSchema } from '../../cluster/cql/schema.ts';
import { failed } from '../../model/backup/outcome/outcome.ts';
import { judge } from './verdict.ts';
import type { BackupPlan, PlannedNode } from '../../model/backup/backup-result.ts';
import { listLiveFiles } from '../../cluster/files/live-files.ts';
import { tooLittleSpace } from '../../model/backup/free-space.ts';
import { tableDirectory } from '../../model/sstable.ts';
import { backupPrefix } from '../../storage/keys.ts';
import type { BackupOptions, BackupParts } from './options.ts';
import type { Run } from './run.ts';
import type { TransferChoice } from '../../transfer/choice.ts';
import { followedLinks } from '../nodes/data-links.ts';
import type { Member } from '../nodes/members.ts';

/** What `backup` would do: the same settling as the run itself, and the sizes of the live sstables; touches nothing. */
export async function planBackup(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<BackupPlan> {
  const run = await openRun(options, parts, ({ repository }, held) => repository.survey(held), signal);
  parts.listen({ type: 'step', text: 'measuring live sstables' });
  const choices = await parts.chooseTransfers(run.members.present, signal);
  const present = await Promise.all(run.members.present.map((member) => planNode(member, choices.get(member), run, signal)));
  const absent = run.members.absent.map(({ host, error }): PlannedNode => ({
    host,
    hostId: '',
    dc: '?',
    rack: '?',
    cassandra: '?',
    files: 0,
    bytes: 0,
    bytesByTable: {},
    transfer: 'relay',
    error: reasonOf(error),
  }));
  return {
    ...run.ref,
    kind: run.decision.kind,
    reason: run.decision.reason,
    path: backupPrefix(run.ref),
    location: parts.repository.store.url,
    cluster: run.topology.ring.cluster,
    nodes: [...present, ...absent],
    tables: run.tables,
    warnings: [...run.warnings, ...(await foreseen(run, signal))],
    limits: {
      snapshotParallel: options.snapshotParallel,
      uploadParallel: options.uploadParallel,
      rate: options.rateLimit,
      transfers: options.transfers,
    },
  };
}

/** What the backup would come to without the nodes that do not answer now. */
async function foreseen(run: Run, signal: AbortSignal): Promise<readonly string[]> {
  const { present, absent } = run.members;
  const [member] = present;
  if (absent.length === 0 || member === undefined || run.amended !== undefined) {
    return [];
  }
  const schema = await readSchema(member, signal).catch(() => '');
  signal.throwIfAborted();
  const stored = present.map(({ host, info }) => ({ ...failed(host, info?.hostId ?? '', ''), complete: true }));
  const outcomes = [...stored, ...absent.map(({ host, error }) => failed(host, '', error))];
  const { state, reasons } = await judge(run, outcomes, schema, signal);
  const names = absent.map(({ host }) => host).join(', ');
  return state === 'degraded'
    ? [`without ${names} the backup would be degraded: the others hold replicas enough of every range`]
    : [`without ${names} the backup would not be committed: ${reasons.join('; ')}`];
}

async function planNode(member: Member, choice: TransferChoice | undefined, run: Run, signal: AbortSignal): Promise<PlannedNode> {
  const { options } = run;
  await followedLinks(member, run.tables, signal);
  const chosen = new Map(run.tables.map((table) => [tableDirectory(table), `${table.keyspace}.${table.table}`]));
  const bytesByTable: Record<string, number> = {};
  let files = 0;
  let bytes = 0;
  for await (const file of listLiveFiles(member, signal)) {
    const name = chosen.get(file.directory);
    if (name !== undefined) {
      files += 1;
      bytes += file.bytes;
      bytesByTable[name] = (bytesByTable[name] ?? 0) + file.bytes;
    }
  }
  const node = run.topology.ring.nodes.find((each) => each.hostId === member.info?.hostId);
  const trouble = run.ref.parent === undefined ? tooLittleSpace(member.probe.space, options.minFreePercent) : undefined;
  return {
    host: member.host,
    hostId: member.info?.hostId ?? '',
    dc: node?.dc ?? '?',
    rack: node?.rack ?? '?',
    cassandra: node?.version ?? '?',
    files,
    bytes,
    bytesByTable,
    transfer: choice?.name ?? 'relay',
    ...(choice?.name === 'relay' ? { relayReason: choice.reason } : {}),
    compression: { choice: options.compression, by: member.probe.lzop === undefined ? 'host' : 'node' },
    ...(trouble === undefined ? {} : { error: `no snapshot would be taken: ${trouble}` }),
  };
}
