import { Errno } from '../files/errno.ts';
import type { Process } from '../process/process.ts';

/** A name as GNU's programs quote it in what they complain of. */
export function quoted(name: string): string {
  return name.includes("'") && !/["$`\\\n]/.test(name) ? `"${name}"` : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}

/** A name that is quoted only where it must be. */
export function shown(name: string): string {
  return /^[\w@%+=:,./~-]+$/.test(name) ? name : quoted(name);
}

/** A program ends at once, with this status. */
export class ProgramExit extends Error {
  override readonly name = 'ProgramExit';
  readonly status: number;

  constructor(status: number) {
    super('exit');
    this.status = status;
  }
}

/** Complains in a program's name. */
export async function complain(process: Process, what: string): Promise<void> {
  const [name = ''] = process.argv;
  await process.complain(`${name.slice(name.lastIndexOf('/') + 1)}: ${what}`);
}

/**
 * Does something with each operand, and goes on where a system call fails: then it is said, and the status is 1.
 * `what` words the complaint: "cannot remove 'x'".
 */
export async function each(
  process: Process,
  operands: readonly string[],
  what: (operand: string) => string,
  work: (operand: string) => void | boolean | Promise<void | boolean>,
): Promise<number> {
  let status = 0;
  for (const operand of operands) {
    try {
      if ((await work(operand)) === false) {
        status = 1;
      }
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      await complain(process, `${what(operand)}: ${error.message}`);
      status = 1;
    }
  }
  return status;
}
