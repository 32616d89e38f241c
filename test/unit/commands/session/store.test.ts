import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Arguments } from '../../../../src/cli/arguments.ts';
import { openNodes } from '../../../../src/commands/session/nodes.ts';
import { openStore } from '../../../../src/commands/session/store.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { silentContext } from '../../../support/command-context.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const secret = 'S3cr3tWord';

/** Exit code 2, and the secret in nothing that may be printed. */
function keepsSecret(says: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof UsageError && error.exitCode === 2, String(error));
    assert.match(error.message, says);
    assert.ok(!inspect(error).includes(secret), inspect(error));
    return true;
  };
}

test('an endpoint with user, password or query is refused, and not shown', async () => {
  for (const endpoint of [
    `https://key:${secret}@store:9000`,
    `https://${secret}@store`,
    `key:${secret}@store`,
    `ftp://key:${secret}@store`,
    `https://store/?X-Amz-Signature=${secret}`,
  ]) {
    const args = new Arguments({ location: 's3://backups/prod', endpoint });
    await assert.rejects(openStore(args, silentContext, false), keepsSecret(/^--endpoint must be a host alone/));
  }
});

test('so is a location with keys in it', async () => {
  for (const location of [`s3://key:${secret}@backups/prod`, `S3://${secret}@backups`, `https://key:${secret}@store/backups`]) {
    await assert.rejects(
      openStore(new Arguments({ location }), silentContext, false),
      keepsSecret(/^a location holds no credentials$/),
    );
  }
});

/** What commands with nodes have without a word of the user's. */
const nodeDefaults = { 'nodetool-path': 'nodetool', 'cqlsh-path': 'cqlsh', sshport: 22, user: 'ops', 'known-hosts': '/nowhere' };

test('a host with a login before it is refused', () => {
  for (const hosts of [{ hosts: [`ops:${secret}@cass1`] }, { hosts: [`a,${secret}@b`] }, { seed: `ops:${secret}@cass1` }]) {
    assert.throws(
      () => openNodes(new Arguments({ ...nodeDefaults, ...hosts }), () => {}),
      keepsSecret(/^a host is a name or an address/),
    );
  }
});

test('logins come from files that nobody else can read, and a login in the place of its file is not shown', async (t) => {
  const file = join(await temporaryDirectory(t), 'login');
  await writeFile(file, `backup ${secret}\n`, { mode: 0o600 });
  const options = { 'jmx-credentials': file, 'cql-credentials': file };
  const { programs } = openNodes(new Arguments({ ...nodeDefaults, ...options }), () => {});
  assert.deepEqual([programs.jmxLogin?.password, programs.cqlLogin?.password], [secret, secret]);
  assert.ok(!inspect(programs, { depth: 9, showHidden: true }).includes(secret));
  assert.ok(!JSON.stringify(programs).includes(secret));
  await chmod(file, 0o640);
  for (const option of ['jmx-credentials', 'cql-credentials']) {
    const open = (value: string) => () => openNodes(new Arguments({ ...nodeDefaults, [option]: value }), () => {});
    assert.throws(open(file), keepsSecret(new RegExp(`^--${option} .* is not read: it holds a secret`)));
    assert.throws(open(`backup:${secret}`), keepsSecret(/names no file that is there$/));
    assert.throws(open(`${file}-none`), keepsSecret(/^cannot read --/));
  }
});

test('a login that is said twice, or that a program cannot be given, is refused before anything is asked', async (t) => {
  const file = join(await temporaryDirectory(t), 'login');
  await writeFile(file, `backup ${secret} two\n`, { mode: 0o600 });
  const open = (options: Readonly<Record<string, string>>) => () =>
    openNodes(new Arguments({ ...nodeDefaults, ...options }), () => {});
  assert.throws(open({ 'jmx-credentials': file }), keepsSecret(/without blanks/));
  assert.throws(open({ 'cqlsh-path': 'cqlsh -u x', 'cql-credentials': file }), keepsSecret(/names a login/));
  assert.throws(open({ 'cqlsh-path': `cqlsh -p ${secret}` }), keepsSecret(/must not hold a password/));
  assert.throws(open({ 'nodetool-path': `nodetool -pw ${secret}` }), keepsSecret(/must not hold a password/));
});
