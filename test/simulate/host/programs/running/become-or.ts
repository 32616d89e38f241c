import type { Process } from '../../process/process.ts';

/** The process becomes a program; where that is not there, it says so and ends with the status. */
export async function becomeOr(
  process: Process,
  argv: readonly string[],
  missing: () => Promise<void>,
  status: number,
): Promise<number> {
  const { host } = process;
  let isThere = true;
  try {
    host.resolve(process, argv[0] ?? '');
  } catch {
    isThere = false;
  }
  if (!isThere) {
    await missing();
    return status;
  }
  return host.become(process, argv);
}
