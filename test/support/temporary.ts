import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** An empty directory that goes when the test ends. */
export async function temporaryDirectory(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sstash-test-'));
  test.after(() => rm(path, { recursive: true, force: true }));
  return path;
}
