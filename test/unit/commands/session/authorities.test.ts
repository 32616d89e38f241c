import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Arguments } from '../../../../src/cli/arguments.ts';
import { authoritiesOf } from '../../../../src/commands/session/authorities.ts';
import { openStore } from '../../../../src/commands/session/store.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { certify } from '../../../support/authority.ts';
import { silentContext } from '../../../support/command-context.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const certificates = /^(?:-----BEGIN CERTIFICATE-----\n[\w+/=\n]+-----END CERTIFICATE-----\n)+$/;

test('the certificates of a file are read, and nothing else that it holds', async (t) => {
  const directory = await temporaryDirectory(t);
  const { authority, certificate, key } = await certify(directory);
  const file = join(directory, 'all.pem');
  const parts = await Promise.all([key, certificate].map((path) => readFile(path, 'utf8')));
  await writeFile(file, [...parts, 'a note, ünd\r\n', authority].join(''));
  const read = authoritiesOf(new Arguments({ 'ca-file': file })) ?? '';
  assert.match(read, certificates);
  assert.equal(read, `${parts[1] ?? ''}${authority}`);
});

test('no file, no authorities', () => {
  assert.equal(authoritiesOf(new Arguments({})), undefined);
});

test('a file that cannot be read or holds no certificate is a mistake of the user, and is named', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'authorities.pem');
  const refused = (says: RegExp): void =>
    assert.throws(
      () => authoritiesOf(new Arguments({ 'ca-file': file })),
      (error) => {
        assert.ok(error instanceof UsageError && error.exitCode === 2, String(error));
        assert.ok(error.message.includes(file), error.message);
        assert.match(error.message, says);
        return true;
      },
    );
  refused(/^cannot read --ca-file /);
  await writeFile(file, await readFile((await certify(directory)).key));
  refused(/holds no certificate$/);
  await writeFile(file, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  refused(/holds a certificate that cannot be read: /);
  await chmod(file, 0o666);
  refused(/is not read: others may write it/);
});

test('a directory needs none: the file is not even looked for', async (t) => {
  const directory = await temporaryDirectory(t);
  const args = new Arguments({ location: `file://${directory}`, 'ca-file': join(directory, 'nowhere.pem') });
  const store = await openStore(args, silentContext, false);
  await store.close();
});
