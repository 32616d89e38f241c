import { interpose } from '../clock/interpose.ts';
import { redirect } from './redirect.ts';

/** Lives one history in this process and prints it: `node test/simulate/history/replay.ts SEED`. */
redirect();
const print = console.log;
const startedMs = process.cpuUsage();
interpose();
const { runHistory } = await import('./run-history.ts');
const { lines, faults, digest, events } = await runHistory(Number(process.argv[2] ?? 1));
lines.forEach((line) => print(line));
faults.forEach((fault) => print(`FAULT ${fault}`));
print(`${events} events, ${process.cpuUsage(startedMs).user / 1000} ms, ${digest.slice(0, 12)}`);
