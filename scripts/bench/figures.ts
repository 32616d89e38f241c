import type { CatalogRun } from './catalog.ts';
import type { DataSet } from './data-set.ts';
import type { MemoryRun } from './memory.ts';
import type { Run } from './rounds.ts';

/** Tables as Markdown, so that they can go into docs/performance.md as they are. */
export function tablesOf(
  runs: readonly Run[],
  memory: readonly MemoryRun[],
  catalog: readonly CatalogRun[],
  data: DataSet,
): string {
  const rounds = Math.max(0, ...runs.map(({ round }) => round));
  return [
    `Data set: ${data.files} files, ${megabytes(data.bytes)} MB of sstables. ${rounds} rounds; medians, in brackets lowest and highest.`,
    ...(['upload', 'again', 'download'] as const).map((what) => `## ${titles[what]}\n\n${comparison(runs, what, data)}`),
    ...(memory.length === 0 ? [] : [`## sstash by the size of one sstable\n\n${memoryTable(memory)}`]),
    ...(catalog.length === 0 ? [] : [`## sstash and its requests\n\n${catalogTable(catalog)}`]),
  ].join('\n\n');
}

const titles = { upload: 'upload', again: 'second upload, nothing changed', download: 'download' } as const;

const gibibyte = 1024 ** 3;

function comparison(runs: readonly Run[], what: Run['what'], data: DataSet): string {
  const rows = groupByName(runs, what);
  const aws = [...rows].find(([name]) => name.startsWith('aws'))?.[1] ?? [];
  const perGib = (cpu: (run: Run) => number) => (run: Run) => cpu(run) / (data.bytes / gibibyte);
  const all = perGib(({ clientCpu, nodeCpu, toolsCpu }) => clientCpu + nodeCpu + toolsCpu);
  const ratio = (of: readonly Run[], value: (run: Run) => number): string =>
    aws.length === 0 ? '' : `${(median(of.map(value)) / median(aws.map(value))).toFixed(2)}×`;
  const client = perGib((run) => run.clientCpu);
  const perFile = (run: Run): number => ((run.clientCpu + run.nodeCpu + run.toolsCpu) / data.files) * 1000;
  return markdownTable(
    [
      what,
      'wall s',
      'MB/s',
      'client CPU-s/GiB',
      'node',
      'nodetool, cqlsh',
      'all three',
      'all, ms/file',
      'S3 server',
      'peak RSS MB',
      what === 'download' ? 'written MB' : 'stored MB',
      'wall : aws',
      'client CPU : aws',
      'all CPU : aws',
      'others’ CPU s',
    ],
    [...rows].map(([name, of]) => [
      name,
      spread(of.map(wall)),
      (data.bytes / 1e6 / median(of.map(wall))).toFixed(0),
      spread(of.map(client)),
      median(of.map(perGib((run) => run.nodeCpu))).toFixed(2),
      median(of.map(perGib((run) => run.toolsCpu))).toFixed(2),
      median(of.map(all)).toFixed(2),
      median(of.map(perFile)).toFixed(2),
      median(of.map(perGib((run) => run.serverCpu))).toFixed(2),
      megabytes(Math.max(...of.map((run) => run.peakRssBytes))),
      megabytes(median(of.map((run) => run.storedBytes))),
      ratio(of, wall),
      ratio(of, client),
      ratio(of, all),
      spread(of.map((run) => run.otherCpu)),
    ]),
  );
}

function wall(run: Run): number {
  return run.wallSeconds;
}

function groupByName(runs: readonly Run[], what: Run['what']): ReadonlyMap<string, readonly Run[]> {
  const rows = new Map<string, Run[]>();
  for (const run of runs.filter((each) => each.what === what).toSorted((a, b) => a.round - b.round)) {
    rows.set(run.name, [...(rows.get(run.name) ?? []), run]);
  }
  return rows;
}

function memoryTable(runs: readonly MemoryRun[]): string {
  const rows = runs.toSorted((a, b) => a.what.localeCompare(b.what) || a.mebibytes - b.mebibytes);
  return markdownTable(
    ['', 'Data.db MiB', 'peak RSS MB', 'wall s', 'client CPU-s', 'node CPU-s', 'nodetool, cqlsh CPU-s'],
    rows.map((run) => [
      run.what,
      `${run.mebibytes}`,
      megabytes(run.peakRssBytes),
      run.wallSeconds.toFixed(1),
      run.clientCpu.toFixed(2),
      run.nodeCpu.toFixed(2),
      run.toolsCpu.toFixed(2),
    ]),
  );
}

function catalogTable(runs: readonly CatalogRun[]): string {
  return markdownTable(
    ['', 'requests', 'wall s', 'client CPU-s', 'peak RSS MB'],
    runs.map((run) => [
      run.what,
      `${run.requests}`,
      run.wallSeconds.toFixed(1),
      run.clientCpu.toFixed(2),
      megabytes(run.peakRssBytes),
    ]),
  );
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, index) => (index === 0 ? ':--' : '--:')), ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const cell = (text: string, column: number): string =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return lines.map((line) => `| ${line.map(cell).join(' | ')} |`).join('\n');
}

function spread(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)})`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN, sorted[middle] ?? Number.NaN];
  return (low + high) / 2;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
