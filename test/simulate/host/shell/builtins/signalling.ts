import { type Signal, signalNumbers, signalOf } from '../../process/signals.ts';
import type { Condition, Shell } from '../shell.ts';
import type { Builtin } from './builtins.ts';

/** `trap ACTION CONDITION…`; `-` gives a condition its meaning back. */
export const trap: Builtin = async (shell, args) => {
  const [action, ...words] = args[0] === '--' ? args.slice(1) : args;
  if (action === undefined) {
    return shell.fail(2, 'trap without words is not known here');
  }
  for (const word of words) {
    const condition: Condition | undefined = word === 'EXIT' || word === '0' ? 'EXIT' : signalOf(word);
    if (condition === undefined) {
      await shell.complain(`trap: ${word}: bad trap`);
      return 1;
    }
    shell.trap(condition, action === '-' ? undefined : action);
  }
  return 0;
};

/** `kill [-s SIGNAL | -SIGNAL] PID…`: a process, with a minus a group, with 0 the group of the shell. */
export const kill: Builtin = async (shell, args) => {
  const { process } = shell;
  let words = args;
  let name = 'TERM';
  if (words[0] === '-s') {
    name = words[1] ?? '';
    words = words.slice(2);
  } else if (/^-[A-Z0-9]+$/i.test(words[0] ?? '')) {
    name = (words[0] ?? '').slice(1);
    words = words.slice(1);
  }
  const targets = words[0] === '--' ? words.slice(1) : words;
  const signal = name === '0' ? undefined : signalOf(name);
  if (signal === undefined && name !== '0') {
    return shell.fail(2, `kill: ${name}: invalid signal`);
  }
  let status = 0;
  for (const target of targets) {
    const pid = target === '0' ? -process.group : Number(target);
    if (!send(shell, pid, signal)) {
      await shell.complain('kill: No such process');
      status = 1;
    }
    process.alive();
  }
  return status;
};

function send({ process }: Shell, pid: number, signal: Signal | undefined): boolean {
  const { processes } = process.host;
  if (signal !== undefined) {
    return processes.kill(pid, signal);
  }
  return pid < 0 ? processes.ofGroup(-pid).length > 0 : processes.get(pid) !== undefined;
}

/** `wait [PID]`: until it has ended, or a signal came that a trap is set for. */
export const wait: Builtin = async (shell, [word]) => {
  const jobs = word === undefined ? [...shell.jobs.values()] : [shell.jobs.get(Number(word))];
  let status = 0;
  for (const job of jobs) {
    if (job === undefined) {
      return 127;
    }
    while (job.ending === undefined) {
      if (shell.pending !== undefined) {
        return 128 + signalNumbers[shell.pending];
      }
      await shell.process.blocked(Promise.race([job.ended(), shell.process.signalled.next()]));
    }
    const ended = await shell.waitFor(job);
    status = word === undefined ? 0 : ended;
  }
  return status;
};
