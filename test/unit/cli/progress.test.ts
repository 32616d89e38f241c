import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { openProgress } from '../../../src/cli/progress.ts';
import type { Event } from '../../../src/model/events.ts';
import { hasHidden } from '../../../src/model/visible.ts';
import { table } from '../../../src/report/table.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\u001b[8mhidden', 'x\nsstash: done', '\r\u001b[Kok', '\u202eevil'),
);

/** Lines that begin with spaces are told from first lines by them here, so a host begins with something else. */
const hosts = hostile.map((text) => `h${text}`);

const events: fc.Arbitrary<Event> = fc.oneof(
  hostile.map((text): Event => ({ type: 'warning', text })),
  hostile.map((text): Event => ({ type: 'step', text })),
  fc.tuple(hosts, hostile).map(([host, detail]): Event => ({ type: 'node', host, state: 'failed', detail })),
  hosts.map((host): Event => ({ type: 'planned', host, files: 1, bytes: 1 })),
);

/** What is written of some events, and at the end of it, to a terminal or something that is none. */
function writtenOf(happened: readonly Event[], { isTTY = false } = {}): string {
  const out = Object.assign(new PassThrough(), { isTTY, columns: 4000 });
  // No more of a terminal is asked for.
  const progress = openProgress(out as unknown as NodeJS.WriteStream, false);
  happened.forEach(progress.listen);
  progress.close();
  // One `read` gives one chunk in newer Nodes, and all of them in older ones.
  return Array.from(chunksOf(out)).join('');
}

function* chunksOf(stream: PassThrough): Generator<string> {
  for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read()) {
    yield (chunk as Buffer).toString(); // Nothing else comes out of a stream without an encoding.
  }
}

test('whatever nodes and buckets say, progress lines hold nothing hidden but our own colours, and one event is one line', () =>
  fc.assert(
    fc.property(fc.array(events, { maxLength: 5 }), (happened) => {
      const lines = stripVTControlCharacters(writtenOf(happened)).split('\n');
      assert.deepEqual(
        lines.filter((line) => hasHidden(line.replaceAll('\t', ''))),
        [],
      );
      assert.equal(lines.filter((line) => line !== '' && !line.startsWith('  ')).length, happened.length);
    }),
  ));

test('on a terminal every line is shown too, before, beside and after bars, and the cursor with it', () =>
  fc.assert(
    fc.property(fc.array(events, { maxLength: 8 }), (happened) => {
      const told = happened.map((event, at) => ('text' in event ? { ...event, text: `<${at}> ${event.text}` } : event));
      const written = writtenOf(told, { isTTY: true });
      const wanted = told.flatMap((event, at) => ('text' in event ? [`<${at}> `] : []));
      assert.deepEqual(
        wanted.filter((text) => !written.includes(text)),
        [],
      );
      // What hides the cursor comes before what shows it again.
      assert.ok(written.lastIndexOf('\u001b[?25l') <= written.lastIndexOf('\u001b[?25h'));
    }),
  ));

test('on a terminal a line is shown at once while there are no bars, and within a drawing beside them', async () => {
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  let written = '';
  out.setEncoding('utf8').on('data', (text: string) => (written += text));
  const until = async (text: string): Promise<void> => {
    while (!written.includes(text)) {
      await once(out, 'data');
    }
  };
  const progress = openProgress(out as unknown as NodeJS.WriteStream, false);
  try {
    progress.listen({ type: 'step', text: 'looking' });
    await until('looking');
    progress.listen({ type: 'planned', host: 'h1', files: 2, bytes: 2048 });
    progress.listen({ type: 'warning', text: 'something odd' });
    await until('something odd');
    progress.say('SIGINT: stopping');
    await until('SIGINT: stopping');
  } finally {
    progress.close();
  }
  // A bar that nobody tells to rest would keep the program from ending.
  const ended = written;
  progress.listen({ type: 'planned', host: 'h2', files: 2, bytes: 2048 });
  progress.listen({ type: 'warning', text: 'late' });
  await until('late');
  assert.match(written.slice(ended.length), /^.*warning: late.*\n$/);
});

test('whatever stands in the cells of a table, it has a line for each row', () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(hostile, hostile), { maxLength: 5 }), (rows) => {
      const lines = table(['a', '>b'], rows).split('\n');
      assert.equal(lines.length, rows.length + 2);
      assert.ok(!lines.some(hasHidden));
    }),
  ));
