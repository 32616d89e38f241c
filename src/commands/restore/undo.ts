import type { Arguments } from '../../cli/arguments.ts';
import { processOwner } from '../../cli/environment.ts';
import { type CommandContext, type CommandOutcome, exitCodes } from '../../cli/run.ts';
import { UsageError } from '../../model/errors.ts';
import type { RestartOptions } from '../../operations/restore/live/cluster-restart.ts';
import { undoRestore } from '../../operations/restore/live/undo.ts';
import { undoQuestion, undoText } from '../../report/restore-report.ts';
import { openNodes } from '../session/nodes.ts';

/** `restore --undo`: takes a restore by node restart back, the newest where no id is named. */
export async function undo(id: string, args: Arguments, context: CommandContext): Promise<CommandOutcome> {
  const hosts = args.list('hosts');
  if (hosts.length === 0) {
    throw new UsageError('no hosts', { hint: 'name the nodes of that restore with --hosts' });
  }
  const options = { hosts, id: id === '' ? undefined : id, dryRun: args.flag('dry-run'), ...restartOptions(args) };
  // The location is not opened: the nodes have all that is needed, and a store that is away must not keep them down.
  const session = openNodes(args, context.listen);
  try {
    const result = await undoRestore(
      options,
      async (plan) => {
        context.warn(plan.warnings);
        return args.flag('yes') || (await context.confirm(undoQuestion(plan), '--yes'));
      },
      { ...session, owner: processOwner(), listen: context.listen },
      context.signal,
    );
    if (result === undefined) {
      return { json: { undone: false }, text: 'nothing was changed\n', exitCode: exitCodes.failed };
    }
    const failed = result.nodes.some((node) => node.error !== undefined);
    return {
      json: result,
      text: undoText(result),
      warnings: result.warnings,
      exitCode: failed ? exitCodes.partial : exitCodes.done,
    };
  } finally {
    await session.close();
  }
}

/** How nodes are stopped and started. */
export function restartOptions(args: Arguments): RestartOptions {
  return {
    stopCommand: args.optionalText('stop-cmd'),
    startCommand: args.optionalText('start-cmd'),
    startTimeoutSeconds: args.number('start-timeout', 1),
  };
}
