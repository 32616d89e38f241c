import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { framedCommand, MarkerFilter, withSudo } from '../../../../src/cluster/ssh/command-frame.ts';

const nonce = '0123456789abcdef01234567';

function passAll(filter: MarkerFilter, chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat(chunks.map((chunk) => filter.pass(chunk) ?? new Uint8Array()));
}

for (const shell of ['sh', 'bash', 'dash', 'zsh', 'ksh', 'fish', 'tcsh', 'busybox']) {
  const absent = spawnSync(shell, ['-c', 'exit'], { stdio: 'ignore' }).error !== undefined;
  const asShell = (line: string): string[] => (shell === 'busybox' ? ['sh', '-c', line] : ['-c', line]);

  describe(`${shell} as the login shell`, { skip: absent ? `no ${shell} here` : false }, () => {
    test('runs the command with exactly its arguments, whatever they hold', () => {
      const word = fc
        .array(fc.oneof(fc.constantFrom(...`'"\\$\`!*?~{ \t\n\r0`), fc.string({ unit: 'binary', minLength: 1, maxLength: 2 })))
        .map((parts) => parts.join('').replaceAll('\0', ''));
      fc.assert(
        fc.property(fc.array(word, { maxLength: 60 }), (words) => {
          const show = String.raw`for word do printf '%s\0' "$word"; done`;
          const line = framedCommand(['sh', '-c', show, 'sh', ...words], nonce, { input: false });
          const output = execFileSync(shell, asShell(line), { stdio: ['ignore', 'pipe', 'ignore'] });
          assert.equal(passAll(new MarkerFilter(nonce), [output]).toString(), words.map((one) => `${one}\0`).join(''));
        }),
        { numRuns: 8 },
      );
    });

    test('marks both streams, names the process and passes the exit status on', () => {
      const line = framedCommand(['sh', '-c', 'echo $$; echo oh >&2; exit 5'], nonce, { input: false });
      const { status, stdout, stderr, pid } = spawnSync(shell, asShell(line));
      const [out, err] = [new MarkerFilter(nonce), new MarkerFilter(nonce)];
      assert.equal(status, 5);
      assert.equal(passAll(out, [stdout]).toString(), `${pid}\n`);
      assert.equal(passAll(err, [stderr]).toString(), 'oh\n');
      assert.equal(out.process?.pid, pid);
      assert.match(out.process?.startTime ?? '', /^\d+$/);
    });

    test('hands standard input to the command untouched, or an empty one', () => {
      const input = Buffer.from(Array.from({ length: 70_000 }, (_value, at) => at % 256));
      const read = spawnSync(shell, asShell(framedCommand(['cat'], nonce, { input: true })), { input });
      assert.ok(passAll(new MarkerFilter(nonce), [read.stdout]).equals(input));
      const none = spawnSync(shell, asShell(framedCommand(['cat'], nonce, { input: false })), { input });
      assert.equal(passAll(new MarkerFilter(nonce), [none.stdout]).length, 0);
    });
  });
}

test('noise before the marker is thrown away however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 9000 }),
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.nat(9500), { maxLength: 12 }),
      (noise, output, cuts) => {
        const stream = Buffer.concat([noise, Buffer.from(`\u001e${nonce} 12 S 1 12\n`), output]);
        const at = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).toSorted((a, b) => a - b), stream.length];
        const filter = new MarkerFilter(nonce);
        const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
        assert.ok(passAll(filter, chunks).equals(output));
        assert.ok(filter.found);
      },
    ),
  );
});

test('a login shell that shows its command does not forge the marker', () => {
  const line = framedCommand(['echo', 'x'], nonce, { input: false });
  const filter = new MarkerFilter(nonce);
  assert.equal(filter.pass(Buffer.from(`+ ${line}\n`)), undefined);
  assert.equal(filter.found, false);
  assert.ok(!line.includes('\n'));
});

test('without a marker, the end of the noise is kept for the message', () => {
  const filter = new MarkerFilter(nonce);
  filter.pass(Buffer.from('x'.repeat(20_000)));
  filter.pass(Buffer.from('This account is currently not available.\n'));
  assert.match(filter.noise, /This account is currently not available\.$/);
  assert.ok(filter.noise.length <= 4096);
});

test('the process is unknown where /proc gave nothing', () => {
  const filter = new MarkerFilter(nonce);
  filter.pass(Buffer.from(`\u001e${nonce} 4711 \n`));
  assert.equal(filter.process, undefined);
});

test('sudo never asks and names the user it becomes', () => {
  assert.deepEqual(withSudo(['id'], {}), ['sudo', '-n', '--', 'id']);
  assert.deepEqual(withSudo(['id'], { user: 'cassandra' }), ['sudo', '-n', '-u', 'cassandra', '--', 'id']);
  assert.deepEqual(withSudo(['id'], undefined), ['id']);
});
