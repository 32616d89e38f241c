import { type Owner } from '../model/lock.ts';
import { hostname, userInfo } from 'node:os';
import { type Arguments } from '../cli/arguments.ts';
import { type CommandContext } from '../cli/run.ts';
import { type LockRequest } from '../operations/with-lock.ts';

/** This process, as marks and locks name it. */
export function processOwner(): Owner {
  return { host: hostname(), pid: process.pid, user: userName() };
}

/** What `lockOptions` say. */
export function lockRequest(args: Arguments, context: CommandContext, operation: string): LockRequest {
  const timeoutSeconds = args.number('lock-timeout', 0);
  return { owner: processOwner(), operation, timeoutSeconds, listen: context.listen };
}

/** Containers run under ids that no user has. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
