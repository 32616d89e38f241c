import type { ProgramCommand } from '../cli/program.ts';
import { backupCommand } from './backup/backup.ts';
import { clearCommand } from './operate/clear.ts';
import { type Command, commandModule } from './command.ts';
import { deleteCommand } from './store/delete.ts';
import { downloadCommand } from './restore/download.ts';
import { listCommand } from './store/list.ts';
import { outputOptions } from './options.ts';
import { pruneCommand } from './store/prune.ts';
import { restoreCommand } from './restore/restore.ts';
import { mappingCommand, schemaCommand } from './restore/schema.ts';
import { filesCommand, showCommand } from './store/show.ts';
import { unlockCommand } from './operate/unlock.ts';
import { verifyCommand } from './store/verify.ts';

/** Every command of the program, in the order of its help. */
export const commands: readonly ProgramCommand[] = [
  backupCommand,
  listCommand,
  showCommand,
  filesCommand,
  restoreCommand,
  downloadCommand,
  schemaCommand,
  mappingCommand,
  verifyCommand,
  deleteCommand,
  pruneCommand,
  clearCommand,
  unlockCommand,
].map((command: Command) => ({
  optionNames: Object.keys({ ...command.options, ...outputOptions }),
  module: (settle, words) => commandModule(command, settle, words),
}));
