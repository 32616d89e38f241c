import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RemoteError } from '../../../../src/model/errors.ts';
import { NodePart } from '../../../../src/transfer/direct/node-part.ts';
import type { UnitNews } from '../../../../src/transfer/direct/node-unit.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

/** What is heard of a unit of a program that says these lines and then is silent for ever. */
async function heardOf(t: TestContext, lines: readonly string[], silentMs?: number): Promise<readonly UnitNews[]> {
  const bin = await temporaryDirectory(t);
  const said = lines.map((line) => `echo '${line}'\n`).join('');
  await writeFile(join(bin, 'python3'), `#!/bin/sh\n${said}exec sleep 1000\n`, { mode: 0o755 });
  const remote = localRemote({ host: 'node7', path: [bin] });
  const part = new NodePart(remote, { python: 'python3', niceness: 0, rate: undefined, authorities: undefined, silentMs });
  t.after(() => remote.close());
  const news: UnitNews[] = [];
  for await (const each of part.begin({ upload: [], part: null }, never).news()) {
    news.push(each);
  }
  return news;
}

test('a program that has greeted and then is silent is given up, and relay is tried', async (t) => {
  const begins = [['{"version": 1}'], ['{"version": 1}', '{"unit": 0, "alive": true}', '{"unit": 1, "begin": true}']];
  for (const lines of begins) {
    await assert.rejects(heardOf(t, lines, 200), (error) => {
      assert.ok(error instanceof RemoteError);
      assert.equal(error.message, 'python3 on node7 said nothing within 0.2 s');
      // As of one that never began: the way is at fault.
      return !error.transient && error.command === 'python3';
    });
  }
});

test('a sign of life is news of no unit', async (t) => {
  const alive = '{"unit": 0, "alive": true}';
  const lines = [
    '{"version": 1}',
    alive,
    '{"unit": 1, "begin": true}',
    '{"unit": 1, "alive": true}',
    '{"unit": 1, "done": true}',
  ];
  assert.deepEqual(await heardOf(t, lines), [{ kind: 'begun' }]);
});
