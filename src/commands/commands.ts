import type { ProgramCommand } from '../cli/program.ts';
import { backupCommand } from './backup.ts';
import type { Command } from './command.ts';
import { commandModule } from './command.ts';
import { deleteCommand } from './delete.ts';
import { downloadCommand } from './download.ts';
import { listCommand } from './list.ts';
import { outputOptions } from './options.ts';
import { pruneCommand } from './prune.ts';
import { restoreCommand } from './restore.ts';
import { mappingCommand, schemaCommand } from './schema.ts';
import { filesCommand, showCommand } from './show.ts';
import { unlockCommand } from './unlock.ts';
import { verifyCommand } from './verify.ts';

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
  unlockCommand,
].map((command: Command) => ({
  optionNames: Object.keys({ ...command.options, ...outputOptions }),
  module: (settle, words) => commandModule(command, settle, words),
}));
