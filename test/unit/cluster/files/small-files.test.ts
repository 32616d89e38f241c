import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSmallFiles } from '../../../../src/cluster/files/small-files.ts';
import type { Remote } from '../../../../src/cluster/remote.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

/** A Remote that answers any read with these chunks, all in one buffer that it uses again, as a socket may. */
function chunked(chunks: readonly Uint8Array[]): Remote {
  return {
    ...localRemote({ host: 'h2' }),
    read: async function* () {
      const buffer = new Uint8Array(Math.max(1, ...chunks.map((chunk) => chunk.length)));
      for (const chunk of chunks) {
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.length);
      }
    },
  };
}

async function contents(remote: Remote, directory: string, files: readonly { path: string; bytes: number }[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { file, content } of readSmallFiles(remote, directory, files, never)) {
    found.push(`${file.path}=${content.toString('latin1')}`);
  }
  return found;
}

test('files are told apart by their sizes wherever the stream is cut', async () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\0'), maxLength: 12 }), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 9 }), async (wanted, size) => {
      const stream = Buffer.from(wanted.join(''), 'latin1');
      const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
        stream.subarray(index * size, (index + 1) * size),
      );
      const files = wanted.map((text, index) => ({ path: String(index), bytes: text.length }));
      assert.deepEqual(
        await contents(chunked(chunks), '/', files),
        wanted.map((text, index) => `${index}=${text}`),
      );
    }),
  );
});

test('a stream that is shorter or longer than the sizes is an error', async () => {
  const files = [{ path: 'a', bytes: 3 }];
  await assert.rejects(contents(chunked([Buffer.from('ab')]), '/d', files), /files in \/d on h2 changed their size/);
  await assert.rejects(contents(chunked([Buffer.from('abcd')]), '/d', files), /changed their size/);
  await assert.rejects(contents(chunked([Buffer.from('abc'), Buffer.from('d')]), '/d', files), /changed their size/);
});

test('real files are read, empty ones and odd names too, more than one command line holds', async (t) => {
  const directory = await temporaryDirectory(t);
  const names = [
    'a b',
    "it's",
    '-rf',
    'é+%',
    'new\nline',
    ...Array.from({ length: 1500 }, (_, index) => `${'n'.repeat(100)}${index}`),
  ];
  const files = names.map((path, index) => ({ path, bytes: index % 5 }));
  await Promise.all(files.map(({ path, bytes }) => writeFile(join(directory, path), String(bytes).repeat(bytes))));
  const found = await contents(localRemote(), directory, files);
  assert.deepEqual(
    found,
    files.map(({ path, bytes }) => `${path}=${String(bytes).repeat(bytes)}`),
  );
});

test('a file that is gone is an error that names it', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'here'), 'x');
  const files = ['here', 'gone', 'here'].map((path) => ({ path, bytes: 1 }));
  for (const wanted of [files, [{ path: 'gone', bytes: 0 }]]) {
    await assert.rejects(
      contents(localRemote(), directory, wanted),
      (error) => error instanceof RemoteError && /gone/.test(error.stderr),
    );
  }
});
