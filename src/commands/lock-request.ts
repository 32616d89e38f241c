import type { Arguments } from '../cli/arguments.ts';
import { processOwner } from '../cli/environment.ts';
import type { CommandContext } from '../cli/run.ts';
import type { LockRequest } from '../operations/location/with-lock.ts';

/** What `lockOptions` say. */
export function lockRequest(args: Arguments, context: CommandContext, operation: string): LockRequest {
  const timeoutSeconds = args.number('lock-timeout', 0);
  return { owner: processOwner(), operation, timeoutSeconds, listen: context.listen };
}
