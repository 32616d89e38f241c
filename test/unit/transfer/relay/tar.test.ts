import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type TarEntry, tarOf } from '../../../../src/transfer/relay/tar.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { noise } from '../../../support/lzop.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote();

async function* streamed(entries: readonly TarEntry[]): AsyncGenerator<TarEntry> {
  yield* entries;
}

async function unpacked(directory: string, entries: readonly TarEntry[]): Promise<void> {
  await remote.run(['tar', '-x', '-f', '-', '-C', directory, '--no-same-owner'], { input: tarOf(streamed(entries)) }, never);
}

test('the real tar unpacks every size around a record, long and strange names, and makes the directories', async (t) => {
  const directory = await temporaryDirectory(t);
  const sizes = [0, 1, 511, 512, 513, 100_000].map((bytes): TarEntry => ({ path: `sizes/${bytes}`, body: noise(bytes) }));
  const names = [99, 100, 101, 102, 511, 512, 513].map((length): TarEntry => {
    const path = `${'d'.repeat(90)}/`.repeat(6).slice(0, length - 1);
    return { path: `${path.endsWith('/') ? `${path.slice(0, -1)}e` : path}f`, body: Buffer.from(String(length)) };
  });
  const strange = ['nb-1-big-SAI+aa+x+TermsData.db', "it's", 'ümlaut/π', 'ü'.repeat(60), 'with space', '-rf', '$HOME'];
  const entries = [
    ...sizes,
    ...names,
    ...strange.map((path): TarEntry => ({ path: `strange/${path}`, body: Buffer.from(path) })),
  ];
  await unpacked(directory, entries);
  for (const { path, body } of entries) {
    assert.ok((await readFile(join(directory, path))).equals(body), path);
  }
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  assert.equal(found.filter((entry) => entry.isFile()).length, entries.length);
});

test('names of any length come through', async (t) => {
  const directory = await temporaryDirectory(t);
  const segment = fc.stringMatching(/^[A-Za-z0-9_+. -]{1,60}$/).filter((name) => name.trim() !== '' && !/^\.+$/.test(name));
  let run = 0;
  const names = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'));
  const path = fc.sample(names, 60).map((name) => `${++run}/${name}`);
  const entries = path.map((each): TarEntry => ({ path: each, body: Buffer.from(each) }));
  await unpacked(directory, entries);
  for (const { path: each } of entries) {
    assert.equal(await readFile(join(directory, each), 'utf8'), each);
  }
});

test('nobody but the owner may write what is unpacked, and others may not read it', async (t) => {
  const directory = await temporaryDirectory(t);
  await unpacked(directory, [{ path: 'x', body: Buffer.from('x') }]);
  assert.equal((await stat(join(directory, 'x'))).mode & 0o037, 0);
});

test('a stream that breaks off is an error of tar, never a shorter file that looks whole', async (t) => {
  const directory = await temporaryDirectory(t);
  async function* broken(): AsyncGenerator<Uint8Array> {
    let given = 0;
    for await (const chunk of tarOf(streamed([{ path: 'x', body: noise(100_000) }]))) {
      given += chunk.byteLength;
      yield given > 1000 ? chunk.subarray(0, 5000) : chunk;
      if (given > 1000) {
        return;
      }
    }
  }
  await assert.rejects(remote.run(['tar', '-x', '-f', '-', '-C', directory], { input: broken() }, never), /tar/);
});
