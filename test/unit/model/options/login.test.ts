import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { UsageError } from '../../../../src/model/errors.ts';
import { cqlCredentialsFile, cqlshrcLogin, jmxPasswordFile, Login, parseLogin } from '../../../../src/model/options/login.ts';

test('a login is a user, and all that follows', () => {
  const read = (text: string): readonly string[] => {
    const { user, password } = parseLogin('cql-credentials', text);
    return [user, password];
  };
  assert.deepEqual(read('backup s3cr3t\n'), ['backup', 's3cr3t']);
  assert.deepEqual(read('backup\ts3cr3t'), ['backup', 's3cr3t']);
  assert.deepEqual(read('\nbackup   two words #;=%"\'ü\r\n\n'), ['backup', 'two words #;=%"\'ü']);
});

test('what is no login is refused, and nothing of it shown', () => {
  const secret = 'S3cr3tWord';
  for (const text of [
    '',
    secret,
    `${secret}\n`,
    `backup ${secret} \n`,
    ` backup ${secret}`,
    `backup ${secret}\nother ${secret}`,
    `backup ${secret}\u0007`,
    `backup ${secret}\u2028`,
    `backup ${secret}\rx`,
    `-pw ${secret}`,
  ]) {
    assert.throws(
      () => parseLogin('jmx-credentials', text),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /--jmx-credentials/);
        assert.ok(!inspect(error).includes(secret), inspect(error));
        return true;
      },
    );
  }
});

test('whoever prints the object prints no password', () => {
  const login = new Login('backup', 'S3cr3tWord');
  const all = [JSON.stringify({ login }), inspect({ login }, { showHidden: true, depth: 9 }), JSON.stringify({ ...login })];
  assert.ok(!all.join('').includes('S3cr3t'), all.join('\n'));
});

test('nodetool is given what it can read: words of ASCII', () => {
  assert.equal(jmxPasswordFile(new Login('backup', 'a%b#"c')), 'backup a%b#"c\n');
  for (const password of ['two words', 'pässword', 'a\u00a0b']) {
    assert.throws(() => jmxPasswordFile(new Login('backup', password)), /ASCII characters without blanks/);
  }
});

test('cqlsh gets no more sections and settings than meant, whatever the login', () => {
  const word = fc.string({ minLength: 1 }).filter((text) => /^\S+$/.test(text));
  fc.assert(
    fc.property(word, fc.string({ minLength: 1 }), (user, password) => {
      let login: Login;
      try {
        login = parseLogin('cql-credentials', `${user} ${password}`);
      } catch {
        return;
      }
      assert.equal(cqlCredentialsFile(login).match(/^.*$/gm)?.length, 7);
      if (!/\s;/.test(password)) {
        assert.equal(cqlshrcLogin(login).match(/^.*$/gm)?.length, 4);
      }
    }),
  );
  assert.throws(() => cqlshrcLogin(new Login('backup', 'a ;b')), /Python 2/);
});
