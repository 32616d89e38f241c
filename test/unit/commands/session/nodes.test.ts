import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { Arguments } from '../../../../src/cli/arguments.ts';
import { nodeOptions } from '../../../../src/commands/options.ts';
import { openNodes } from '../../../../src/commands/session/nodes.ts';
import { listening } from '../../../support/listening.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

test('a connection that is still being made is given up when the session is closed, and no other is made', async (t) => {
  // Somebody who never says a word.
  const sshport = await listening(t);
  const sshkey = join(await temporaryDirectory(t), 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', sshkey]);
  const defaults = Object.fromEntries(Object.entries(nodeOptions).map(([name, option]) => [name, option.default]));
  const nodes = openNodes(new Arguments({ ...defaults, sshkey, sshport, 'known-hosts': '/dev/null' }, []), () => undefined);
  const closed = { message: /the connections to the nodes are closed/ };
  const connecting = assert.rejects(nodes.connect('127.0.0.1', never), closed);
  await nodes.close();
  await connecting;
  await assert.rejects(nodes.connect('127.0.0.1', never), closed);
});
