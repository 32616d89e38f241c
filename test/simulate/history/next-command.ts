import type { Random } from '../clock/random.ts';
import type { Commands } from './draw-command.ts';
import type { CommandLine, Ran } from './operator.ts';

/**
 * What an operator does next, with what has just become of the last command in mind: who has restored goes on with his backups as before, a timer
 * gives one after the other, who saw one fail tries again, and who misses a table brings it back.
 */
export function nextCommand(commands: Commands, random: Random, last: Ran | undefined): CommandLine {
  const { line, exitCode } = last ?? {};
  const hasChanged = line?.command === 'restore' && line.values['method'] !== 'stage' && exitCode === 0;
  const hasBackedUp = line?.command === 'backup';
  if (commands.missesTable && random.chance(0.4)) {
    return commands.bringBack();
  }
  const again = hasChanged ? 0.6 : hasBackedUp ? (exitCode === 0 ? 0.3 : 0.5) : 0;
  return random.chance(again) ? commands.plainBackup() : commands.any();
}

/** Whether somebody else does something meanwhile. */
export function isMet(random: Random, { command }: CommandLine): boolean {
  return random.chance(command === 'restore' ? 0.4 : command === 'verify' ? 0.3 : 0.2);
}

/** What he does: what does harm beside a restore is another one, and what deletes; beside a backup whatever takes the lock of the location. */
export function commandBeside(commands: Commands, random: Random, { command, values }: CommandLine): CommandLine {
  const isRead = command === 'restore' || command === 'verify';
  const { backup } = values;
  const drawn = random.weighted<() => CommandLine>([
    [2, () => commands.any()],
    [command === 'restore' ? 4 : 0, () => commands.restore()],
    [isRead ? 2 : 0, () => commands.prune()],
    [isRead ? 1 : 0, () => commands.delete()],
    // Somebody believes that nobody needs it any more.
    [command === 'restore' && backup !== undefined && backup !== 'latest' ? 2 : 0, () => commands.delete(String(backup))],
    [isRead ? 0 : 3, () => commands.backup()],
    [isRead ? 0 : 1, () => commands.prune()],
    [command === 'restore' || command === 'backup' ? 1 : 0, () => commands.clear()],
  ]);
  return drawn();
}
