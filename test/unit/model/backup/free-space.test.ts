import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tooLittleSpace } from '../../../../src/model/backup/free-space.ts';

const gib = 1024 ** 3;
const disk = (directory: string, free: number) => ({ directory, mount: '/data', freeBytes: free * gib, totalBytes: 100 * gib });

test('a disk below the limit is named with its figures; one at the limit is well', () => {
  assert.equal(tooLittleSpace([disk('/data', 50), disk('/data/b', 5)], 5), undefined);
  assert.equal(
    tooLittleSpace([disk('/data', 50), disk('/data/b', 4)], 5),
    '/data, with /data/b, has 4.0 % free (4.0 GiB of 100.0 GiB), less than 5 %',
  );
  assert.match(tooLittleSpace([disk('/data', 0)], 1) ?? '', /^\/data has 0\.0 % free/);
});

test('a limit of nothing is never undercut, not even by a full disk', () => {
  assert.equal(tooLittleSpace([disk('/data', 0), { directory: '/x', mount: '/', freeBytes: 0, totalBytes: 0 }], 0), undefined);
});
