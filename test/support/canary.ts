import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';

/** A file of root's that no user may read, and a word that it is as it was: bytes, owner, mode. */
export async function canary(path: string): Promise<() => Promise<void>> {
  await writeFile(path, 'root:secret\n', { mode: 0o600 });
  await chmod(path, 0o600);
  return async () => {
    assert.equal(await readFile(path, 'utf8'), 'root:secret\n');
    const { uid, gid, mode } = await stat(path);
    assert.deepEqual([uid, gid, mode & 0o7777], [0, 0, 0o600]);
  };
}
