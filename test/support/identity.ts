import { stat } from 'node:fs/promises';

/** Device and inode, as commands on nodes know a directory again. */
export async function identityOf(directory: string): Promise<string> {
  const { dev, ino } = await stat(directory, { bigint: true });
  return `${dev}:${ino}`;
}
