/** Whoever has an account on a node can listen where the server will: real sockets and users of this machine. */
import assert from 'node:assert/strict';
import { chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { runCqlsh } from '../../../../src/cluster/cql/cqlsh.ts';
import type { Remote } from '../../../../src/cluster/remote.ts';
import { nodetool } from '../../../../src/cluster/tools/nodetool.ts';
import { defaultPrograms, type Programs } from '../../../../src/cluster/tools/run-tool.ts';
import { findServerScript, stopServer } from '../../../../src/cluster/tools/service.ts';
import { jmxEndpoint, jmxListener } from '../../../../src/cluster/tools/whose/listener.ts';
import { portAddresses } from '../../../../src/model/node/port-addresses.ts';
import { Login } from '../../../../src/model/options/login.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { listening } from '../../../support/listening.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivilegedMissing } from '../../../support/unprivileged.ts';

const skip = unprivilegedMissing;
const nobody = 65_534;
/** A user of whom no other test and no sandbox of this machine has processes. */
const owner = 61_235;
const login = new Login('backup', 'made-up');
const remote = localRemote({ host: 'h2', env: { CASSANDRA_CONF: '/nowhere' } });

/** This machine without any server's process: other tests have such, and they come and go. */
const nothingRuns: Remote = {
  ...remote,
  run: (command, options, signal) =>
    command.includes(findServerScript) ? Promise.resolve('no\n') : remote.run(command, options, signal),
};

/** A port where nobody listens now. */
async function freePort(): Promise<number> {
  const tasks: (() => void)[] = [];
  const port = await listening({ after: (task) => void tasks.push(task) });
  tasks.forEach((task) => task());
  while ((await readFile('/proc/net/tcp', 'utf8')).includes(`:${hexOf(port)} 00000000:0000 0A`)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return port;
}

function hexOf(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

/** A nodetool and a cqlsh that say what they were given. */
async function programs(
  t: TestContext,
  port: number,
): Promise<{ readonly programs: Programs; readonly calls: () => Promise<number> }> {
  const tool = await fakeProgram(await temporaryDirectory(t), 'nodetool', { '': { stdout: 'ok\n' } });
  const cqlsh = await fakeProgram(await temporaryDirectory(t), 'cqlsh', { '--version': { stdout: 'cqlsh 6.2.2\n' }, '': {} });
  return {
    programs: {
      ...defaultPrograms,
      nodetool: [tool.path, '-p', String(port)],
      cqlsh: [cqlsh.path],
      jmxLogin: login,
      cqlLogin: login,
    },
    calls: async () => (await tool.calls()).length + (await cqlsh.calls()).filter(({ args }) => args !== '--version').length,
  };
}

test('a login goes only to a server of root or of the owner of the data', { skip }, async (t) => {
  const config = { dataUser: owner, cqlAddress: '127.0.0.1', cqlEncrypted: false };
  const ask = async (port: number) => {
    const { programs: own, calls } = await programs(t, port);
    const node = { remote, programs: own, config: { ...config, cqlPort: port } };
    const said = await nodetool(node, ['version'], never).catch((error: unknown) => String(error));
    const { stderr } = await runCqlsh(node, ['SELECT 1'], never);
    return { said, stderr, calls: await calls() };
  };
  const strangers = [
    await listening(t, { uid: nobody }),
    await listening(t, { uid: nobody, address: '0.0.0.0' }),
    // Where nobody listens at the address itself, the name may lead to the other one.
    await listening(t, { uid: nobody, address: '127.0.0.2' }),
  ];
  for (const port of strangers) {
    const { said, stderr, calls } = await ask(port);
    assert.match(
      said,
      /user nobody listens on port \d+ there, who is neither root nor the owner of the data: the login is not sent/,
    );
    assert.match(stderr, /user nobody listens on port/);
    assert.equal(calls, 0);
  }
  const none = await ask(await freePort());
  assert.match(none.said, /nothing listens on port \d+ there: is the server up\?/);
  assert.match(none.stderr, /nothing listens on port/);
  assert.equal(none.calls, 0);
  const ours = await listening(t, { uid: owner });
  await listening(t, { uid: nobody, address: '127.0.0.2', port: ours });
  for (const port of [ours, await listening(t, { uid: owner, address: '0.0.0.0' }), await listening(t)]) {
    assert.deepEqual(await ask(port), { said: 'ok\n', stderr: '', calls: 2 });
  }
});

test('a stopped node on whose port another user listens is down, whatever he answers', { skip }, async (t) => {
  const data = await temporaryDirectory(t);
  await chown(data, owner, owner);
  const refused = { stdout: "nodetool: Failed to connect to '127.0.0.1:7199' - SecurityException: 'no'.\n", status: 1 };
  const tool = await fakeProgram(await temporaryDirectory(t), 'nodetool', { '': refused });
  const stop = async (port: number) => {
    const config = { dataDirectories: [data], dataUser: owner };
    const node = { remote: nothingRuns, programs: { ...defaultPrograms, nodetool: [tool.path, '-p', String(port)] }, config };
    return stopServer(node, 'exit 1', 'if it answers', never);
  };
  assert.equal(await stop(await listening(t, { uid: nobody })), 'down');
  assert.equal((await tool.calls()).length, 0);
  // The owner's own may be a server that cannot be seen.
  await assert.rejects(stop(await listening(t, { uid: owner })), /SecurityException/);
});

test('the port is that of the options, of cassandra-env.sh, or the one that Cassandra has by itself', async (t) => {
  assert.deepEqual(jmxEndpoint(['nodetool']), { port: undefined, address: '127.0.0.1' });
  assert.deepEqual(jmxEndpoint(['docker', 'exec', '-i', 'c', 'nodetool', '-p', '7299']), { port: 7299, address: '127.0.0.1' });
  assert.deepEqual(jmxEndpoint(['env', '-h', 'nodetool', '-h', 'db1', '--port=7300']), { port: 7300, address: 'db1' });
  assert.deepEqual(jmxEndpoint(['nodetool', '--host', '10.0.0.5', '-p7301']), { port: 7301, address: '10.0.0.5' });
  const directory = await temporaryDirectory(t);
  const conf = join(directory, 'conf');
  await mkdir(conf);
  const port = await listening(t);
  const node = { remote, programs: defaultPrograms, config: { path: join(conf, 'cassandra.yaml') } };
  for (const text of [`JMX_PORT="${port}"`, `  export JMX_PORT=${port} # ours`, `JMX_PORT=1\nJMX_PORT="\${JMX_PORT:-${port}}"`]) {
    await writeFile(join(conf, 'cassandra-env.sh'), `# JMX_PORT=1\n${text}\n`);
    assert.equal(await jmxListener(node, never), 'trusted', text);
  }
  await writeFile(join(conf, 'cassandra-env.sh'), `JMX_PORT=${await freePort()}\n`);
  assert.equal(await jmxListener(node, never), 'none');
  assert.deepEqual(await readdir(dirname(conf)), ['conf']);
});

test('an address is known as the kernel writes it, a name may be any', async (t) => {
  const port = await listening(t, { address: '127.1.2.3' });
  const line = (await readFile('/proc/net/tcp', 'utf8')).split('\n').find((each) => each.includes(`:${hexOf(port)} `)) ?? '';
  const written = line.trim().split(/\s+/)[1]?.split(':')[0] ?? '';
  const matches = (address: string) => new RegExp(`^(?:${portAddresses(address)})$`).test(written);
  assert.deepEqual(['127.1.2.3', 'localhost', '::1', '127.1.2.4', '127.0.0.1'].map(matches), [true, true, true, false, false]);
  assert.match('0'.repeat(32), new RegExp(`^(?:${portAddresses('10.0.0.5')})$`));
  assert.match('0000000000000000FFFF00000500000A', new RegExp(`^(?:${portAddresses('10.0.0.5')})$`));
  assert.match('999', new RegExp(`^(?:${portAddresses('300.0.0.1')})$`));
});
