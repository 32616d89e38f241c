import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasHidden, visible, visibleIndented, visibleInLine, visibleJson } from '../../../src/model/visible.ts';

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('\u001b[2J', '\n', '\t', '\r', '\u007f', '\u009b', '\u202e', '\u2066', '\u2028', '\ud800', 'a'))
    .map((parts) => parts.join('')),
);

test('what a terminal would obey is shown as an escape, and all else as it is', () => {
  assert.equal(visible('a\u001b[31mb\u0007\u0085\u202ec\u2028\n\td é€😀'), 'a\\x1b[31mb\\x07\\x85\\u202ec\\u2028\n\td é€😀');
  assert.equal(visibleInLine('a\r\n\tb'), 'a\\r\\n\\tb');
  assert.equal(visibleIndented('a\nsstash: all is well\u001b[0m'), 'a\n  sstash: all is well\\x1b[0m');
});

test('of no text is anything hidden left but the line ends and tabs that may be there', () =>
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(hasHidden(visible(text).replaceAll(/[\n\t]/g, '')), false);
      assert.equal(hasHidden(visibleInLine(text)), false);
      const [, ...lines] = visibleIndented(text).split('\n');
      assert.ok(lines.every((line) => line.startsWith('  ')));
    }),
  ));

test('a text without anything hidden stays as it is', () =>
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~é€😀]*$/u), (text) => {
      assert.equal(visible(text), text);
      assert.equal(visibleInLine(text), text);
    }),
  ));

test('JSON of whatever text has nothing hidden, and says the same', () =>
  fc.assert(
    fc.property(texts, (text) => {
      const json = visibleJson(JSON.stringify({ [text]: text }, undefined, 2));
      assert.equal(hasHidden(json.replaceAll('\n', '')), false);
      assert.deepEqual(JSON.parse(json), { [text]: text });
    }),
  ));
