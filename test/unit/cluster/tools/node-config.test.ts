import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseNodeConfig, readNodeConfig } from '../../../../src/cluster/tools/node-config.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { BackupError, RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivileged, unprivilegedMissing } from '../../../support/unprivileged.ts';
import { never } from '../../../support/never.ts';

const yaml = '/etc/cassandra/cassandra.yaml';

test('what the file leaves out is what Cassandra would take', () => {
  assert.deepEqual(parseNodeConfig(yaml, 'num_tokens: 4\n'), {
    path: yaml,
    dataDirectories: ['/var/lib/cassandra/data'],
    commitlogDirectory: '/var/lib/cassandra/commitlog',
    hintsDirectory: '/var/lib/cassandra/hints',
    savedCachesDirectory: '/var/lib/cassandra/saved_caches',
    cqlAddress: '127.0.0.1',
    cqlPort: 9042,
    cqlEncrypted: false,
    flavour: 'cassandra',
    incrementalBackups: false,
    seeds: [],
    authorizes: false,
    clusterName: undefined,
    localSystemDirectory: undefined,
    listenAddress: undefined,
  });
});

test('a cluster has a name, digits too', () => {
  assert.equal(parseNodeConfig(yaml, "cluster_name: 'prod: a'\n").clusterName, 'prod: a');
  assert.equal(parseNodeConfig(yaml, 'cluster_name: 2026\n').clusterName, '2026');
});

test('seeds are told as the other nodes know them, without ports; another provider tells none', () => {
  const text =
    'listen_address: 10.0.0.1\nseed_provider:\n  - class_name: x.SimpleSeedProvider\n    parameters:\n      - seeds: "10.0.0.1, 10.0.0.2:7000"\n';
  const { seeds, listenAddress } = parseNodeConfig(yaml, text);
  assert.deepEqual([seeds, listenAddress], [['10.0.0.1', '10.0.0.2'], '10.0.0.1']);
  for (const other of ['seed_provider:\n', 'seed_provider:\n  - class_name: x.KubernetesSeedProvider\n', 'seed_provider: x\n']) {
    assert.deepEqual(parseNodeConfig(yaml, other).seeds, []);
  }
});

test('defaults hang on the storagedir of the running server', () => {
  const config = parseNodeConfig(yaml, 'data_file_directories:\ncommitlog_directory: /ssd/commitlog/\n', '/opt/cassandra/data');
  assert.deepEqual(config.dataDirectories, ['/opt/cassandra/data/data']);
  assert.equal(config.hintsDirectory, '/opt/cassandra/data/hints');
  assert.equal(config.commitlogDirectory, '/ssd/commitlog');
});

test('all data directories are kept in order, each once, and the one for system tables comes last', () => {
  const text = 'data_file_directories: [/d1/, /d2, /d1]\nlocal_system_data_file_directory: /fast/system\n';
  assert.deepEqual(parseNodeConfig(yaml, text).dataDirectories, ['/d1', '/d2', '/fast/system']);
  assert.equal(parseNodeConfig(yaml, text).localSystemDirectory, '/fast/system');
  assert.deepEqual(parseNodeConfig(yaml, 'data_file_directories: /only/one').dataDirectories, ['/only/one']);
});

test('CQL is called where it answers', () => {
  const address = (text: string): string => parseNodeConfig(yaml, text).cqlAddress;
  assert.equal(address('rpc_address: 10.0.0.5\nbroadcast_rpc_address: 1.2.3.4'), '10.0.0.5');
  assert.equal(address('rpc_address: 0.0.0.0\nbroadcast_rpc_address: 1.2.3.4'), '127.0.0.1');
  assert.equal(address('rpc_address: "::"'), '127.0.0.1');
  assert.equal(address('rpc_address:\nlisten_address: 10.0.0.6'), '10.0.0.6');
  assert.equal(address('rpc_address: localhost'), 'localhost');
  assert.equal(parseNodeConfig(yaml, 'native_transport_port: 19042').cqlPort, 19042);
  assert.equal(parseNodeConfig(yaml, 'client_encryption_options: { enabled: true }').cqlEncrypted, true);
  assert.equal(parseNodeConfig(yaml, 'client_encryption_options: { enabled: true, optional: true }').cqlEncrypted, false);
});

test('a file is read as Cassandra reads it: YAML 1.1, and the later of two equal keys', () => {
  assert.equal(parseNodeConfig(yaml, 'incremental_backups: no\nincremental_backups: yes\n').incrementalBackups, true);
});

test('a scylla.yaml has its own defaults', () => {
  const config = parseNodeConfig('/etc/scylla/scylla.yaml', 'workdir: /mnt/scylla\n');
  assert.equal(config.flavour, 'scylla');
  assert.deepEqual(config.dataDirectories, ['/mnt/scylla/data']);
  assert.deepEqual(parseNodeConfig('/etc/scylla/scylla.yaml', '').dataDirectories, ['/var/lib/scylla/data']);
});

test('what a running Scylla was started with wins over its file, in either spelling, and nothing else of it counts', () => {
  const words = [
    '--log-to-stdout',
    '1',
    '--listen-address',
    '10.0.0.7',
    '--rpc-address=10.0.0.8',
    '-W',
    '/mnt/scylla',
    '--smp',
    '2',
  ];
  const config = parseNodeConfig('/opt/my.yaml', 'rpc_address: localhost\nnative_transport_port: 9142\n', words.join('\n'));
  assert.equal(config.flavour, 'scylla', 'whatever its file is called');
  assert.deepEqual([config.cqlAddress, config.listenAddress, config.cqlPort], ['10.0.0.8', '10.0.0.7', 9142]);
  assert.deepEqual(config.dataDirectories, ['/mnt/scylla/data']);
  const flags = parseNodeConfig('/etc/scylla/scylla.yaml', '', '--incremental-backups\n--native-transport-port\n9999\n');
  assert.deepEqual([flags.incrementalBackups, flags.cqlPort], [true, 9999]);
});

test('the file that a running Scylla reads is found by its process; its tools are no server', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'my.yaml');
  await writeFile(file, 'cluster_name: from the file\nrpc_address: 10.0.0.1\n');
  await writeFile(join(directory, 'nodetool'), 'setTimeout(() => {}, 60_000);');
  // Only the words of a command line are looked at.
  const run = async (...words: string[]) => {
    const child = spawn(process.execPath, words, { argv0: '/opt/scylladb/bin/scylla', cwd: directory });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
  };
  await run('nodetool', 'info');
  await run('-e', 'setTimeout(() => {}, 60_000)', '--', '--options-file', file, '--rpc-address', '10.0.0.9');
  // One of Cassandra that runs on this machine would be asked first.
  const config = await readNodeConfig(localRemote({ env: { CASSANDRA_CONF: '' } }), defaultPrograms, never);
  assert.deepEqual(
    [config.path, config.flavour, config.cqlAddress, config.clusterName],
    [file, 'scylla', '10.0.0.9', 'from the file'],
  );
});

test('a file that was changed after its server had started is said to be; one that was written just before is not', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'cassandra.yaml');
  // As in a container: one script waits, writes the file, and becomes the server.
  const script = `sleep 4; echo 'cluster_name: c' >'${file}'; exec '${process.execPath}' -e 'setTimeout(() => {}, 60_000)' -- "$@"`;
  const words = [`-Dcassandra.config=file://${file}`, 'org.apache.cassandra.service.CassandraDaemon'];
  const child = spawn('/bin/sh', ['-c', script, 'sh', ...words], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const programs = { ...defaultPrograms, configPath: file };
  const edited = async () => (await readNodeConfig(localRemote(), programs, never)).edited;
  await delay(7500);
  assert.equal(await edited(), undefined);
  await utimes(file, new Date(0), new Date(0));
  assert.equal(await edited(), true, 'whatever time it was given: its inode was changed');
  await rename(file, join(directory, 'other.yaml'));
  await writeFile(file, 'cluster_name: c\n');
  await symlink('other.yaml', join(directory, 'link.yaml'));
  assert.equal(
    (await readNodeConfig(localRemote(), { ...programs, configPath: join(directory, 'link.yaml') }, never)).edited,
    true,
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a process of another user of the node is not taken for the server', { skip: unprivilegedMissing }, async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'theirs.yaml');
  await writeFile(file, 'rpc_address: 10.6.6.6\n');
  const words = ['-c', 'sleep 60; :', '--options-file', file];
  const child = spawn('/bin/sh', words, { argv0: '/usr/bin/scylla', uid: 65_534, gid: 65_534, detached: true });
  t.after(() => process.kill(-(child.pid ?? 0), 'SIGKILL'));
  await once(child, 'spawn');
  const remote = localRemote({ env: { CASSANDRA_CONF: '' } });
  const found = await readNodeConfig(remote, defaultPrograms, never).catch(() => undefined);
  assert.notEqual(found?.path, file);
});

test('a file that is no configuration is an error that says why', () => {
  const bad =
    (text: string): (() => unknown) =>
    () =>
      parseNodeConfig(yaml, text);
  assert.throws(bad('a: [1'), /cassandra\.yaml is not understood/);
  assert.throws(bad('- a list'), BackupError);
  assert.throws(bad('native_transport_port: many'), /native_transport_port/);
  assert.throws(bad('data_file_directories: [data]'), /not absolute: data/);
});

test('a path, an address or a name that is none is refused by its key, and shown without what a terminal would obey', async (t) => {
  const keys = [
    'data_file_directories',
    'local_system_data_file_directory',
    'commitlog_directory',
    'hints_directory',
    'saved_caches_directory',
  ];
  const paths = ['/a\nSSTASH\nid\n: <<SSTASH #', '/a/../b', '/a/./b', 'a', '/a\u001b[2Jb', '/a\u202eb', `/${'a'.repeat(5000)}`];
  const wrong = [
    ...keys.flatMap((key) => paths.map((value) => [key, value] as const)),
    ['rpc_address', '-oProxyCommand=id'] as const,
    ['listen_address', '10.0.0.1\n10.0.0.2'] as const,
    ['cluster_name', 'a\u001b]0;b\u0007'] as const,
  ];
  for (const [key, value] of wrong) {
    assert.throws(
      () => parseNodeConfig(yaml, JSON.stringify({ rpc_address: '10.0.0.1', [key]: value })),
      (error) => {
        assert.ok(error instanceof BackupError);
        assert.ok(error.message.includes(key) && error.message.includes(yaml), error.message);
        assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}]/u);
        return true;
      },
    );
  }
  const file = join(await temporaryDirectory(t), 'cassandra.yaml');
  await writeFile(file, 'hints_directory: "/a\\nb"\n');
  await assert.rejects(
    readNodeConfig(localRemote({ host: 'h2' }), { ...defaultPrograms, configPath: file }, never),
    new RegExp(`^BackupError: h2: hints_directory in ${file} is not an absolute path.*: /a\\\\nb$`),
  );
  assert.deepEqual(parseNodeConfig(yaml, 'seed_provider:\n  - parameters:\n      - seeds: "-oX=y,10.0.0.1, a b"\n').seeds, [
    '10.0.0.1',
  ]);
});

test('the file that was named is read, or the one in the directory that was named', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, "it's cassandra.yaml");
  await mkdir(join(directory, 'data'));
  await writeFile(path, `data_file_directories: [${join(directory, 'data')}]\n`);
  await writeFile(join(directory, 'cassandra.yaml'), `data_file_directories: [/nowhere/at/all]\n`);
  const named = await readNodeConfig(localRemote(), { ...defaultPrograms, configPath: path }, never);
  assert.equal(named.path, path);
  assert.deepEqual(named.dataDirectories, [join(directory, 'data')]);
  assert.match(named.dataOwner ?? '', /^\S+:\S+$/);
  const inside = await readNodeConfig(localRemote(), { ...defaultPrograms, configPath: directory }, never);
  assert.deepEqual(inside.dataDirectories, ['/nowhere/at/all']);
  assert.equal(inside.dataOwner, undefined);
});

test('CASSANDRA_CONF of the login is looked at before the usual places', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'cassandra.yaml'), 'native_transport_port: 9142\n');
  const config = await readNodeConfig(localRemote({ env: { CASSANDRA_CONF: directory } }), defaultPrograms, never);
  assert.equal(config.cqlPort, 9142);
});

test('a file that is not there is an error with the flag that names another', async () => {
  const tools = { ...defaultPrograms, configPath: '/no/such.yaml' };
  await assert.rejects(readNodeConfig(localRemote({ host: 'h2' }), tools, never), (error) => {
    assert.ok(error instanceof RemoteError);
    assert.match(error.message, /^cannot read \/no\/such\.yaml on h2: .*No such file/);
    assert.match(error.hint ?? '', /--cassandra-conf-path/);
    return true;
  });
});

test('a file that may not be read is an error, not an empty configuration', { skip: unprivilegedMissing }, async (t) => {
  const directory = await temporaryDirectory(t);
  await chmod(directory, 0o755);
  await writeFile(join(directory, 'cassandra.yaml'), 'cluster_name: x\n', { mode: 0o600 });
  const nobody = unprivileged(localRemote({ host: 'h2' }));
  await assert.rejects(
    readNodeConfig(nobody, { ...defaultPrograms, configPath: directory }, never),
    /cannot read .* on h2: .*Permission denied/,
  );
});

test('rights are asked for where an authorizer is named that does not allow all, by its name or in a map', () => {
  const asks = (text: string) => parseNodeConfig(yaml, text).authorizes;
  assert.equal(asks(''), false);
  assert.equal(asks('authorizer: AllowAllAuthorizer'), false);
  assert.equal(asks('authorizer: org.apache.cassandra.auth.AllowAllAuthorizer'), false);
  assert.equal(asks('authorizer: { class_name: AllowAllAuthorizer }'), false);
  assert.equal(asks('authorizer:'), false);
  assert.equal(asks('authorizer: [odd]'), false);
  assert.equal(asks('authorizer: CassandraAuthorizer'), true);
  assert.equal(asks('authorizer: { class_name: org.apache.cassandra.auth.CassandraAuthorizer }'), true);
});
