import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { commandFailure, shownCommand, Tail } from '../../../../src/cluster/ssh/command-failure.ts';

test('the error says host, program, status and the last line of standard error', () => {
  const error = commandFailure('n1', ['nodetool', 'ring'], { status: 2 }, 'warming up\nnodetool: Failed to connect\n');
  assert.equal(error.message, 'n1: nodetool exited with status 2: nodetool: Failed to connect');
  assert.equal(error.command, 'nodetool ring');
  assert.equal(error.status, 2);
  assert.equal(error.stderr, 'warming up\nnodetool: Failed to connect');
  assert.equal(error.transient, false);
});

test('a missing program is named, in the words of every shell', () => {
  const complaints = {
    'sh: 1: exec: lzop: not found\n': 'lzop',
    'bash: line 1: lzop: command not found\n': 'lzop',
    'sh: exec: line 1: lzop: not found\n': 'lzop',
    '/bin/sh: 3: /opt/bin/x: not found\n': '/opt/bin/x',
    'no words at all\n': 'sh',
  };
  for (const [complaint, program] of Object.entries(complaints)) {
    assert.equal(
      commandFailure('n1', ['sh', '-c', 'x'], { status: 127 }, complaint).message,
      `n1: program not found: ${program}`,
    );
  }
});

const by = (status: number, complaint: string) => commandFailure('n1', ['nodetool', 'ring'], { status }, complaint);

test('sudo: a missing program, a missing sudo and a refusal are three different things', () => {
  assert.equal(by(1, 'sudo: nodetool: command not found\n').message, 'n1: program not found: nodetool');
  assert.equal(by(127, 'sh: 1: exec: sudo: not found\n').message, 'n1: sudo is not installed');
  const refused = by(1, 'sudo: a password is required\n');
  assert.equal(refused.message, 'n1: sudo refused to run nodetool: a password is required');
  assert.match(refused.hint ?? '', /NOPASSWD/);
});

test('without any status the error is worth another try', () => {
  const error = commandFailure('n1', ['cat', 'x'], {}, '');
  assert.equal(error.transient, true);
  assert.equal(error.status, undefined);
});

test('a signal is named', () => {
  assert.match(commandFailure('n1', ['lzop'], { signal: 'SIGKILL' }, '').message, /^n1: lzop was ended by SIGKILL$/);
});

test('long and many-line commands are shown on one line', () => {
  const shown = shownCommand(['sh', '-c', 'a\n  b\n'.repeat(100)]);
  assert.ok(shown.length < 200 && !shown.includes('\n'));
});

test('a tail keeps exactly the last bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme-ascii' })), fc.integer({ min: 1, max: 40 }), (parts, limit) => {
      const tail = new Tail(limit);
      for (const part of parts) {
        tail.add(Buffer.from(part));
      }
      assert.equal(tail.text, parts.join('').slice(-limit));
    }),
  );
});
