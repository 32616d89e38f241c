import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { UsageError } from '../../../../src/model/errors.ts';
import {
  cqlshProgram,
  loaderProgram,
  type NamedProgram,
  nodetoolProgram,
  programAt,
  programWords,
  refuseSecondLogin,
} from '../../../../src/model/options/program-words.ts';

const secret = 'S3cr3tWord';

function refused(text: string, program: NamedProgram, instead: RegExp): void {
  assert.throws(
    () => programWords(text, program),
    (error) => {
      assert.ok(error instanceof UsageError && error.exitCode === 2, text);
      assert.ok(error.message.startsWith(`--${program.option} must not hold a password`), error.message);
      assert.match(error.hint ?? '', instead);
      assert.ok(!inspect(error).includes(secret), inspect(error));
      return true;
    },
    text,
  );
}

test('a password among the words of nodetool is refused, and not shown', () => {
  for (const text of [
    `nodetool -u backup -pw ${secret}`,
    `nodetool -pw${secret}`,
    `nodetool -pw=${secret}`,
    `sudo -u cassandra /opt/cassandra/bin/nodetool --username backup --password ${secret}`,
    `nodetool --password=${secret}`,
    `nodetool -Djavax.net.ssl.keyStorePassword=${secret} --ssl`,
    `env JMX_PASSWORD=${secret} nodetool`,
    `nodetool -h http://backup:${secret}@host`,
    `/opt/nt.sh -pw ${secret}`,
  ]) {
    refused(text, nodetoolProgram, /--jmx-credentials/);
  }
});

test('of cqlsh also in the forms that it cuts short', () => {
  for (const text of [
    `cqlsh -u backup -p ${secret}`,
    `cqlsh -p${secret}`,
    `cqlsh -Cp${secret}`,
    `cqlsh --password ${secret}`,
    `cqlsh --password=${secret}`,
    `cqlsh --pass ${secret}`,
    `cqlsh --pa=${secret}`,
    `docker exec -i cass cqlsh -p ${secret}`,
  ]) {
    refused(text, cqlshProgram, /--cql-credentials/);
  }
});

test('of sstableloader those of key stores too', () => {
  for (const option of ['-pw', '--password', '-kspw', '--keystore-password', '-tspw', '--truststore-password', '--pass']) {
    refused(`sstableloader -u backup ${option} ${secret}`, loaderProgram, /script/);
    refused(`sstableloader ${option}=${secret}`, loaderProgram, /script/);
  }
});

test('what holds no password is taken as it stands', () => {
  for (const [text, program] of [
    ['nodetool', nodetoolProgram],
    ['sudo -u cassandra /opt/cassandra/bin/nodetool -h ::FFFF:127.0.0.1 -p 7199 --ssl', nodetoolProgram],
    ['nodetool -u backup -pwf /etc/cassandra/jmx', nodetoolProgram],
    ['nodetool --password-file /etc/cassandra/jmx', nodetoolProgram],
    ['/opt/secrets/nodetool -Dcom.sun.jndi.rmiURLParsing=legacy', nodetoolProgram],
    ['sudo -p x cqlsh --ssl --cqlshrc /etc/cqlshrc --protocol-version=4 -k shop', cqlshProgram],
    ['cqlsh --credentials=/root/secret --insecure-password-without-warning', cqlshProgram],
    ['sstableloader -p 9042 -ts /etc/trust -sp 7001 --port 1', loaderProgram],
  ] as const) {
    assert.deepEqual(programWords(text, program), text.split(' '));
  }
  assert.deepEqual(programWords('  nodetool   -p 7199 ', nodetoolProgram), ['nodetool', '-p', '7199']);
});

test('the program is found behind what starts it', () => {
  assert.equal(programAt(['sudo', '-u', 'cassandra', '/usr/bin/nodetool', '-p', '7199'], nodetoolProgram), 3);
  assert.equal(programAt(['/opt/nt.sh', '-p'], nodetoolProgram), 0);
});

test('who logs in is said once', () => {
  const both = (text: string, program: NamedProgram): void => refuseSecondLogin(text.split(' '), program, 'x-credentials');
  for (const [text, program] of [
    ['nodetool -u backup', nodetoolProgram],
    ['nodetool -pwf /etc/x', nodetoolProgram],
    ['cqlsh -ubackup', cqlshProgram],
    ['cqlsh --credentials /root/x', cqlshProgram],
  ] as const) {
    assert.throws(() => both(text, program), /names a login, and --x-credentials does so too/);
  }
  both('sudo -u cassandra nodetool -p 7199', nodetoolProgram);
  both('sudo -u cassandra cqlsh --cqlshrc /etc/x', cqlshProgram);
});
