import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Command } from '../../../src/cluster/remote.ts';
import { commandLine, quote } from '../../../src/model/node/shell-text.ts';

/** Anything that an argv can carry: any text without NUL, with what shells care for made likely. */
const word = fc
  .array(
    fc.oneof(
      fc.constantFrom(...`'"\\$\`!*?[]{}()<>|&;#~=%^ \t\n\r-0a`),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
    ),
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));

for (const shell of ['sh', 'bash', 'dash']) {
  test(`${shell} takes a command line apart into exactly its argv`, () => {
    fc.assert(
      fc.property(fc.array(fc.array(word, { maxLength: 8 }), { minLength: 1, maxLength: 20 }), (commands) => {
        // Many commands in one shell: starting one takes longer than everything else.
        const script = commands
          .map((words): Command => ['show', ...words])
          .map((command) => commandLine(command))
          .join('\n');
        const show = String.raw`show() { for word do printf '%s\0' "$word"; done; printf '\001\0'; }`;
        const output = execFileSync(shell, ['-c', `${show}\n${script}`]).toString();
        assert.equal(output, commands.map((words) => words.map((one) => `${one}\0`).join('') + '\u0001\0').join(''));
      }),
      { numRuns: 20 },
    );
  });
}

test('ordinary words stay as they are', () => {
  assert.equal(
    commandLine(['nodetool', '-h', '10.0.0.1', '/var/lib/x_1-2+3@4%5,6:7']),
    'nodetool -h 10.0.0.1 /var/lib/x_1-2+3@4%5,6:7',
  );
});

test('a program whose name looks like an assignment is still a program', () => {
  assert.equal(commandLine(['A=b', '--x=y']), "'A=b' --x=y");
});

test('an empty word is a word', () => assert.equal(quote(''), "''"));

test('a NUL byte is refused: it would end the word early', () => {
  assert.throws(() => quote('a\0b'), /NUL byte/);
});
