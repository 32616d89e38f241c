import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  addKnownHost,
  fingerprint,
  judgeHostKey,
  knownKeyTypes,
  parseKnownHosts,
  readKnownHosts,
} from '../../../../src/cluster/ssh/known-hosts.ts';

/** A public key in wire form; only its type and its bytes matter here. */
function key(type: string, fill: string): Buffer {
  const field = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(0, 0, 0, bytes.length), bytes]);
  return Buffer.concat([field(Buffer.from(type)), field(Buffer.from(fill.repeat(32)))]);
}
const ed = key('ssh-ed25519', 'a');
const otherEd = key('ssh-ed25519', 'b');
const rsa = key('ssh-rsa', 'r');
const line = (hosts: string, blob: Buffer, type = 'ssh-ed25519'): string => `${hosts} ${type} ${blob.toString('base64')}`;
const judge = (text: string, host: string, port: number, blob: Buffer) =>
  judgeHostKey(parseKnownHosts(text, 'kh'), host, port, blob);

describe('a host is found', () => {
  const found: Record<string, [string, string, number]> = {
    'by name': ['node1', 'node1', 22],
    'by one of several names': ['a,node1,10.0.0.1', '10.0.0.1', 22],
    'in any letter case': ['Node1.Example', 'node1.EXAMPLE', 22],
    'by name and port': ['[node1]:2222', 'node1', 2222],
    'by the bare name on another port': ['node1', 'node1', 2222],
    'by wildcard': ['node*.dc?.example', 'node12.dc3.example', 22],
    'by IPv6 address': ['fe80::1', 'fe80::1', 22],
    'by IPv6 address and port': ['[fe80::1]:2222', 'fe80::1', 2222],
  };
  for (const [how, [hosts, host, port]] of Object.entries(found)) {
    test(how, () => assert.deepEqual(judge(line(hosts, ed), host, port, ed), { state: 'known' }));
  }
});

describe('a host is not found', () => {
  const unknown: Record<string, [string, string, number]> = {
    'by a part of its name': ['node1', 'node11', 22],
    'where dots would match anything': ['node1.example', 'node1xexample', 22],
    'where the pattern is negated': ['*.example,!bad.example', 'bad.example', 22],
    'by another port': ['[node1]:2222', 'node1', 2223],
    'by a port that is not its own': ['[node1]:2222', 'node1', 22],
  };
  for (const [how, [hosts, host, port]] of Object.entries(unknown)) {
    test(how, () => assert.deepEqual(judge(line(hosts, ed), host, port, ed), { state: 'unknown' }));
  }
});

test('a differing key of the same type is a changed host, named by file and line', () => {
  const text = `# comment\n\n${line('node1', ed)} a comment of two words\n`;
  assert.deepEqual(judge(text, 'node1', 22, otherEd), { state: 'changed', place: 'kh:3', keyType: 'ssh-ed25519' });
});

test('any of several keys of a host will do', () => {
  assert.equal(judge(`${line('node1', otherEd)}\n${line('node1', ed)}`, 'node1', 22, ed).state, 'known');
});

test('a host known by another type of key only is changed, not unknown', () => {
  assert.deepEqual(judge(line('node1', ed), 'node1', 22, rsa), { state: 'changed', place: 'kh:1', keyType: 'ssh-ed25519' });
});

test('a differing key for the bare name says nothing about another port', () => {
  assert.equal(judge(line('node1', otherEd), 'node1', 2222, ed).state, 'unknown');
});

test('a revoked key is refused even where it is also listed as good', () => {
  const text = `${line('node1', ed)}\n@revoked ${line('*', ed)}`;
  assert.deepEqual(judge(text, 'node1', 22, ed), { state: 'revoked', place: 'kh:2' });
  assert.equal(judge(`@revoked ${line('*', otherEd)}`, 'node1', 22, ed).state, 'unknown');
});

test('a certificate authority is no key of the host, but is mentioned', () => {
  assert.deepEqual(judge(`@cert-authority ${line('*', ed)}`, 'node1', 22, ed), { state: 'unknown', authority: 'kh:1' });
});

test('damaged lines and unknown markers are passed over', () => {
  const good = line('node1', ed);
  const text = `node1\nnode1 ssh-ed25519\nnode1 ssh-ed25519 !!!!\nnode1 ssh-rsa ${ed.toString('base64')}\n@new ${good}\n1024 35 12345\n\t${good}\r\n`;
  assert.deepEqual(
    parseKnownHosts(text, 'kh').map(({ place }) => place),
    ['kh:7'],
  );
});

test('the types known for a host are told, so that those are asked for first', () => {
  const lines = parseKnownHosts(
    `${line('node1', rsa, 'ssh-rsa')}\n${line('[node1]:2222', ed)}\n@revoked ${line('node1', otherEd)}`,
    'kh',
  );
  assert.deepEqual(knownKeyTypes(lines, 'node1', 22), ['ssh-rsa']);
  assert.deepEqual(knownKeyTypes(lines, 'node1', 2222), ['ssh-ed25519']);
  assert.deepEqual(knownKeyTypes(lines, 'node1', 2223), ['ssh-rsa']);
});

test('hashes made by ssh-keygen -H are read, with and without a port', () =>
  inDirectory((directory) => {
    const file = join(directory, 'known_hosts');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'k')]);
    const [type = '', blob = ''] = readFileSync(join(directory, 'k.pub'), 'utf8').split(' ');
    writeFileSync(file, `node1 ${type} ${blob}\n[node2]:2222 ${type} ${blob}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const text = readFileSync(file, 'utf8');
    assert.ok(!text.includes('node'));
    const real = Buffer.from(blob, 'base64');
    assert.equal(judge(text, 'node1', 22, real).state, 'known');
    assert.equal(judge(text, 'node2', 2222, real).state, 'known');
    assert.equal(judge(text, 'node2', 22, real).state, 'unknown');
    assert.equal(judge(text, 'node1', 22, ed).state, 'changed');
    const shown = execFileSync('ssh-keygen', ['-l', '-f', join(directory, 'k.pub')]).toString();
    assert.equal(fingerprint(real), shown.split(' ')[1]);
  }));

test('several files are read in order, absent ones as empty', () =>
  inDirectory(async (directory) => {
    const [one, two] = [join(directory, 'one'), join(directory, 'two')];
    writeFileSync(one, line('a', ed));
    writeFileSync(two, `\n${line('b', rsa, 'ssh-rsa')}`);
    const places = (await readKnownHosts([one, join(directory, 'absent'), two])).map(({ place }) => place);
    assert.deepEqual(places, [`${one}:1`, `${two}:2`]);
  }));

test('an added host is found again; the file is made for its owner only', () =>
  inDirectory(async (directory) => {
    const file = join(directory, '.ssh', 'known_hosts');
    await addKnownHost(file, 'Node1', 2222, ed);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(file, 'utf8'), `[node1]:2222 ssh-ed25519 ${ed.toString('base64')}\n`);
    assert.equal(judgeHostKey(await readKnownHosts([file]), 'node1', 2222, ed).state, 'known');
  }));

test('adding does not join a last line that lacks its newline', () =>
  inDirectory(async (directory) => {
    const file = join(directory, 'known_hosts');
    writeFileSync(file, line('a', ed));
    await Promise.all(['b', 'c', 'd'].map((host) => addKnownHost(file, host, 22, ed)));
    const lines = await readKnownHosts([file]);
    assert.deepEqual(lines.map(({ hosts }) => hosts).toSorted(), ['a', 'b', 'c', 'd']);
  }));

async function inDirectory(body: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sstash-known-hosts-'));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('a name that would be several, a pattern, or a line of its own is written nowhere; what is written is of that host alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sstash-known-'));
  try {
    const file = join(directory, 'known_hosts');
    const odd = fc.constantFrom(
      '\n',
      '\r',
      '\0',
      ' ',
      '\t',
      ',',
      '*',
      '?',
      '!',
      '#',
      '|1|',
      '[',
      ']',
      '@revoked ',
      '-',
      '..',
      '/',
      'a',
      'bank',
      '.',
      ':',
    );
    const hosts = fc.oneof(
      fc.array(odd, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(hosts, fc.constantFrom(22, 2222), async (host, port) => {
        writeFileSync(file, '');
        const written = await addKnownHost(file, host, port, ed).then(
          () => true,
          () => false,
        );
        const lines = parseKnownHosts(readFileSync(file, 'utf8'), file);
        assert.equal(lines.length, written ? 1 : 0, JSON.stringify(host));
        assert.equal(readFileSync(file, 'utf8').split('\n').length, written ? 2 : 1);
        assert.equal(written && judgeHostKey(lines, host, port, ed).state === 'known', written);
        for (const other of ['a.bank', 'x', 'bank2']) {
          assert.ok(other === host || judgeHostKey(lines, other, port, ed).state === 'unknown', JSON.stringify(host));
        }
      }),
      { numRuns: 300 },
    );
    await assert.rejects(addKnownHost(file, 'node1', 22, key('ssh ed25519\nbank', 'a')), /cannot be written/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
