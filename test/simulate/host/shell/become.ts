import { Errno } from '../files/errno.ts';
import type { Process } from '../process/process.ts';
import type { Shell } from './shell.ts';

/** Has a process become a program, and says as dash does where it cannot. `by`: the builtin that wants it. */
export async function become(shell: Shell, process: Process, argv: readonly string[], by = ''): Promise<number> {
  try {
    return await process.host.become(process, argv);
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    const isMissing = error.code === 'ENOENT';
    await process.complain(`${shell.name}: ${shell.line}: ${by}${argv[0]}: ${isMissing ? 'not found' : error.message}`);
    return isMissing ? 127 : 126;
  }
}
