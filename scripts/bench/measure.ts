import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { type CpuGroups, machineSeconds } from './cpu-groups.ts';

/** A program to be measured, or just run. */
export interface Program {
  readonly argv: readonly [string, ...string[]];
  /** Added to the environment; undefined takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What one run cost. All CPU figures are seconds, user and system. */
export interface Cost {
  readonly wallSeconds: number;
  readonly clientCpu: number;
  readonly nodeCpu: number;
  readonly toolsCpu: number;
  readonly serverCpu: number;
  /** Of everything else on the machine: Cassandra, whoever else works here, the measuring itself. Large: a disturbed run. */
  readonly otherCpu: number;
  /** Peak of the sum of the resident sets of the client's processes, looked at 20 times a second. */
  readonly peakRssBytes: number;
  readonly loadBefore: number;
}

const lookEveryMs = 50;

/** Runs a program to its end. Rejects, with the end of what it wrote on stderr, unless it exits with 0. */
export async function measure(program: Program, groups: CpuGroups, logDirectory: string): Promise<Cost> {
  if (interrupted) {
    throw new Error('interrupted');
  }
  // Dirty pages of the run before would be written during this one, at its expense.
  await run({ argv: ['sync'], env: {} }, logDirectory);
  const loadBefore = loadavg()[0] ?? 0;
  const before = readings(groups);
  const started = process.hrtime.bigint();
  // The shell enters the group and becomes the program, so that no process and no moment is left out.
  const inGroup: Program = { ...program, argv: ['sh', '-c', 'echo 0 >"$0" && exec "$@"', groups.client.procs, ...program.argv] };
  let peakRssBytes = 0;
  const look = setInterval(() => (peakRssBytes = Math.max(peakRssBytes, residentBytes(groups))), lookEveryMs);
  try {
    await run(inGroup, logDirectory);
    const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
    const after = readings(groups);
    const spent = (name: keyof typeof after): number => after[name] - before[name];
    const accounted = spent('client') + spent('node') + spent('tools') + spent('server');
    return {
      wallSeconds,
      clientCpu: spent('client'),
      nodeCpu: spent('node'),
      toolsCpu: spent('tools'),
      serverCpu: spent('server'),
      otherCpu: Math.max(0, spent('machine') - accounted),
      peakRssBytes,
      loadBefore,
    };
  } finally {
    clearInterval(look);
  }
}

function readings(groups: CpuGroups) {
  return {
    client: groups.client.seconds(),
    node: groups.node.seconds(),
    tools: groups.tools.seconds(),
    server: groups.server.seconds(),
    machine: machineSeconds(),
  };
}

/** Pages that several processes share count for each of them. */
function residentBytes(groups: CpuGroups): number {
  return groups.client.pids().reduce((sum, pid) => {
    try {
      const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return sum + Number(kibibytes ?? 0) * 1024;
    } catch {
      // It ended between the two looks.
      return sum;
    }
  }, 0);
}

let current: ChildProcess | undefined;

let interrupted = false;

/** Nothing is measured any more: the next `measure` rejects. */
export function endMeasuring(): void {
  interrupted = true;
}

/** The same, and ends the program that runs, if one does; its `run` rejects. */
export function interrupt(): void {
  endMeasuring();
  current?.kill('SIGTERM');
}

/** Runs a program and gives its stdout. Rejects, with the end of its stderr, unless it exits with 0. */
export async function run(program: Program, logDirectory: string): Promise<string> {
  const [command, ...args] = program.argv;
  const log = join(logDirectory, 'stderr.log');
  const stderr = openSync(log, 'w');
  try {
    const child = spawn(command, args, { env: { ...process.env, ...program.env }, stdio: ['ignore', 'pipe', stderr] });
    current = child;
    const chunks: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [status, signal]: unknown[] = await once(child, 'close');
    const stdout = Buffer.concat(chunks).toString();
    if (status === 0) {
      return stdout;
    }
    const said = (readFileSync(log, 'utf8').trim() || stdout.trim()).slice(-2000);
    throw new Error(`${program.argv.join(' ')} ended with ${String(status ?? signal)}: ${said}`);
  } finally {
    current = undefined;
    closeSync(stderr);
  }
}
