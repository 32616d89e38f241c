import { configAgeScript } from '../../../src/cluster/tools/config-age.ts';
import { findConfigScript } from '../../../src/cluster/tools/find-config.ts';
import { probeToolsScript } from '../../../src/cluster/tools/node-probe.ts';
import { lookAtWaysScript } from '../../../src/cluster/tools/node-ways.ts';
import { findNodetoolScript, scyllaReleaseScript } from '../../../src/cluster/tools/scylla-server.ts';
import { secretFileScript } from '../../../src/cluster/tools/secret-file.ts';
import { findLogScript, recentComplaintsScript } from '../../../src/cluster/tools/server-log.ts';
import { findServerScript } from '../../../src/cluster/tools/service.ts';
import { knownUsersScript, serversScript, trustedScript } from '../../../src/cluster/tools/whose/is-server.ts';
import { listenerScript, lookAtPortScript } from '../../../src/cluster/tools/whose/listener.ts';
import { findLoadersScript } from '../../../src/cluster/placing/table-load.ts';
import { portAddresses } from '../../../src/model/node/port-addresses.ts';
import type { Cases } from './cases.ts';
import { at, procOf } from './proc-of.ts';
import { owner, ranTexts } from './twin.ts';

const cassandra = 'org.apache.cassandra.service.CassandraDaemon';

const socket = (port: number, uid: number, address = '0100007F', state = '0A'): string =>
  `   0: ${address}:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 1 1`;

export const toolsCases: Cases = {
  'the configuration that a server reads': async (twin) => {
    twin.file('etc/cassandra.yaml', 'cluster_name: x\n');
    twin.file('etc/scylla/scylla.yaml', 'cluster_name: s\n');
    twin.link(`${twin.root}/etc`, 'conf');
    const yaml = `${twin.root}/etc/cassandra.yaml`;
    const java = [
      'java',
      '-cp',
      `${twin.root}/conf:${twin.root}/etc`,
      `-Dcassandra.config=file://${yaml}`,
      '-Dcassandra.storagedir=/var/lib/c',
      cassandra,
    ];
    const find = (...words: readonly string[]): Promise<unknown> => twin.script(at(twin, findConfigScript), words);
    procOf(twin, []);
    await find('');
    await find(yaml);
    await find(`${twin.root}/etc`);
    await find(`${twin.root}/none`);
    await find(`${twin.root}/etc/scylla`);
    procOf(twin, [
      { pid: 100, words: java },
      { pid: 200, words: ['sleep', '7'] },
    ]);
    await find('', '0');
    await find(`${twin.root}/conf`, '0');
    procOf(twin, [{ pid: 100, words: java, began: 499_999 }]);
    await find(yaml);
    procOf(twin, [{ pid: 100, words: java, uid: 4242 }]);
    await find('', String(owner));
    await find(yaml, String(owner));
    await find('', String(owner), '4242');
    procOf(twin, [
      { pid: 100, words: java, uid: owner },
      { pid: 300, words: [...java, 'again'], uid: owner },
    ]);
    await find('', String(owner));
    twin.remove('proc/300/status');
    procOf(twin, [{ pid: 100, words: ['/opt/scylla', '--options-file', `${twin.root}/etc/scylla/scylla.yaml`, '--smp', '1'] }]);
    await find('');
    procOf(twin, [{ pid: 100, words: ['/opt/scylla', `--options-file=${twin.root}/etc/scylla/scylla.yaml`] }]);
    await find('');
    procOf(twin, [{ pid: 100, words: ['/opt/scylla', 'nodetool', 'status'] }]);
    await find('');
  },
  'how old a server is': async (twin) => {
    procOf(twin, [
      { pid: 100, words: ['java'], began: 499_000 },
      { pid: 200, words: ['java'], began: 100 },
    ]);
    const old = twin.file('old', 'x');
    const fresh = twin.dir('fresh');
    const text = `${at(twin, configAgeScript)}\nfile=$1; shift; age "$1"; age "$1/none"; changes "$file" | tr '0-9' n; edited "$file" "$@"; echo .`;
    const [first, second] = [`${twin.root}/proc/100`, `${twin.root}/proc/200`];
    twin.link('old', 'link');
    for (const file of [old, fresh, `${twin.root}/link`, `${twin.root}/none`]) {
      await twin.script(text, [file, first]);
      await twin.script(text, [file, second, first]);
    }
  },
  'servers, and their users': async (twin) => {
    const data = twin.dir('data', { uid: owner });
    procOf(twin, [
      { pid: 100, words: ['java', cassandra], uid: owner },
      { pid: 200, words: ['java', 'com.datastax.bdp.DseModule'] },
      { pid: 300, words: ['java', cassandra], uid: 4242 },
      { pid: 400, words: ['java', 'org.apache.cassandra.tools.BulkLoader', '/stage'], uid: owner },
    ]);
    twin.file('proc/100/exe', 'x', { mode: 0o755 });
    twin.file('proc/200/exe', 'x', { mode: 0o4755 });
    twin.dir('proc/500');
    const servers = at(twin, serversScript);
    await twin.script(`${servers}\nknown_users "$@"; servers; echo "$known"`, [String(owner)]);
    await twin.script(`${servers}\nknown_users "$@"; servers; echo "$known"`, []);
    await twin.script(`${at(twin, trustedScript)}\nknown_users "$2"; trusted "$1"; echo "$? $uid"`, [
      `${twin.root}/proc/300`,
      '4242',
    ]);
    await twin.script(`${at(twin, knownUsersScript)}\nknown_users 0; echo "$known"`, []);
    const server = at(twin, findServerScript);
    await twin.script(server, [data]);
    await twin.script(server, [`${twin.root}/none`, '/']);
    await twin.script(server, []);
    const loaders = at(twin, findLoadersScript);
    await twin.script(loaders, [], { input: '/stage\n' });
    await twin.script(loaders, [], { input: '/stage\n', owner: true });
    await twin.script(loaders, [], { input: '/other\n', owner: true });
  },
  'whose socket it is': async (twin) => {
    const text = at(twin, listenerScript);
    ranTexts.add(lookAtPortScript);
    const ask = (...words: readonly string[]): Promise<unknown> => twin.script(text, words);
    await ask('7199', portAddresses('127.0.0.1'), String(owner), '', '');
    procOf(
      twin,
      [],
      [socket(7199, owner), socket(7299, 4242), socket(7399, 0, '0100007F', '01'), socket(7199, 4242, '0200007F')],
    );
    await ask('7199', portAddresses('127.0.0.1'), String(owner), '', '');
    await ask('7199', portAddresses('127.0.0.2'), String(owner), '', '');
    await ask('7199', portAddresses('127.0.0.3'), String(owner), '', '');
    await ask('7299', portAddresses('localhost'), String(owner), '', '');
    await ask('7399', portAddresses('127.0.0.1'), '', '', '');
    await ask('', portAddresses('127.0.0.1'), '4242', 'elsewhere', `${twin.root}/conf`);
    twin.file('conf/cassandra-env.sh', '# JMX_PORT=1\n  export JMX_PORT="7299"\nX=1\n');
    await ask('', portAddresses('127.0.0.1'), '4242', 'elsewhere', `${twin.root}/conf`);
  },
  'a login for one run of a program': async (twin) => {
    procOf(twin, [], [socket(7199, 0), socket(7299, 4242)]);
    const text = at(twin, secretFileScript);
    const listener = (port: string): readonly string[] => [port, portAddresses('127.0.0.1'), '', '', ''];
    const rc = twin.file('cqlshrc', '[ui]\ncolor = on\n[authentication]\nusername = me\npassword = no\n [cql]\nversion=3\n');
    const show = 'echo "$# $1 $3"; cat "$2"; stat -c %a "$2"; cat; umask';
    // Of two that are ended at once a shell may hear first of either.
    const run = (port: string, words: readonly string[], input: string): Promise<unknown> =>
      twin.script(text, [...listener(port), ...words], {
        input,
        normal: (said) => said.replaceAll(/sstash-login-\w{10}/g, 'login').replace(/^Terminated$/m, ''),
      });
    await run('7199', ['0', '5', 'sh', '-c', show, 'name', 'one', 'last'], String.raw`se\0143ret\0012` + '\nmore input\n');
    await run(
      '7199',
      ['2', `${twin.root}/none`, rc, '5', 'sh', '-c', show, 'name', 'one', 'last'],
      String.raw`[authentication]\0012` + '\n',
    );
    await run('7199', ['0', '1', 'false'], 'x\n');
    await run('7199', ['0', '3', 'sh', '-c', 'exit 7', 'x'], 'x\n');
    await run('7199', ['0', '1', 'nothing-there'], 'x\n');
    await run('7199', ['0', '1', 'true'], '');
    await run('7299', ['0', '1', 'true'], 'x\n');
    await run('7399', ['0', '1', 'true'], 'x\n');
    await run('7199', ['0', '3', 'sh', '-c', 'kill -TERM 0; sleep 5'], 'x\n');
    await run('7199', ['0', '3', 'sh', '-c', 'kill -TERM $PPID; sleep 5'], 'x\n');
  },
  'the log of a server, and what it complains of': async (twin) => {
    procOf(twin, []);
    const find = at(twin, findLogScript);
    await twin.script(find, ['0']);
    procOf(twin, [{ pid: 100, words: ['java', cassandra, '-Dcassandra.logdir=/var/log/c'] }]);
    await twin.script(find, ['0']);
    procOf(twin, [
      { pid: 100, words: ['java', cassandra, '-Dcassandra.logdir=/var/log/c'], open: ['/dev/null', '/logs/system.log'] },
    ]);
    await twin.script(find, ['0']);
    const day = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
    const log = twin.file(
      'system.log',
      [
        `ERROR [main] ${day(900)},1 A.java:1 - long ago`,
        'java.lang.Exception: of long ago',
        `ERROR [main] ${day(20)},1 A.java:1 - now`,
        'java.lang.RuntimeException: wanted',
        '\tat org.apache.Error.read(X.java:1)',
        'Caused by: java.io.IOException: wanted too',
        `INFO  [main] ${day(15)},1 A.java:1 - well`,
        'SomeException that an INFO tells of',
        `WARN  ${day(10).replace(' ', 'T')}Z slow`,
        '',
      ].join('\n'),
    );
    await twin.script(recentComplaintsScript, ['60', log]);
    await twin.script(recentComplaintsScript, ['3600', log]);
    await twin.script(recentComplaintsScript, ['60', `${twin.root}/none`]);
  },
  'what a node has': async (twin) => {
    const normal = (text: string): string =>
      text
        .replaceAll(/^python.*\n/gm, '')
        .replaceAll(/^now\t\d+/gm, 'now')
        .replaceAll(/^(space\t\w+\t)\S+ +\d+ +\d+ +\d+ +\S+ +\S+$/gm, '$1df');
    await twin.script(probeToolsScript, [twin.root, `${twin.root}/none/at all`, twin.other], { normal });
    await twin.script(findNodetoolScript, []);
    await twin.script(scyllaReleaseScript, []);
  },
  'whose a way is': async (twin) => {
    const data = twin.dir('var/data', { uid: owner });
    twin.link('var/data', 'link', owner);
    twin.link('nowhere/at/all', 'dangling');
    twin.link('self', 'self');
    twin.dir('closed', { mode: 0o700 });
    twin.dir('closed/in', { mode: 0o755 });
    const look =
      (...paths: readonly string[]): ((by: boolean) => Promise<unknown>) =>
      (by) =>
        twin.script(lookAtWaysScript, paths, { owner: by });
    for (const by of [true, false]) {
      await look(data, `${twin.root}/link/x`, `${twin.root}/none/y`)(by);
      await look(`${twin.root}/dangling`, `${twin.root}/closed/in`)(by);
      await look(`${twin.root}/self`)(by);
      await look(`${twin.other}/with space\n`)(by);
      await look()(by);
    }
  },
};
