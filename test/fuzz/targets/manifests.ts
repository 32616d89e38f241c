import assert from 'node:assert/strict';
import { readLock } from '../../../src/storage/lock/format.ts';
import { decodeBackupManifest, decodeInProgress, decodeRing, encodeJson } from '../../../src/storage/backups/manifest-format.ts';
import { joinPages } from '../../../src/storage/backups/joined-pages.ts';
import { encodeNodeManifest, everyTable, manifestPages, noTable } from '../../../src/storage/backups/node-manifest-format.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { never } from '../../support/never.ts';
import { mutatedWithin } from '../mutate.ts';
import { type Target, assertSound, each } from '../target.ts';

const key = '20261121T031500Z/manifest.json';

/** What is read of a bucket and written again is the same when it is read again. */
export const manifestTargets: readonly Target[] = [
  {
    name: 'manifests',
    corpus: ['manifests/format-1'],
    check: (bytes) =>
      each(
        () => again(bytes, decodeBackupManifest),
        () => again(bytes, decodeInProgress),
        () => again(bytes, decodeRing),
        () => lockIn(bytes),
      ),
  },
  {
    name: 'node-manifests',
    corpus: ['manifests/format-1'],
    mutate: mutatedWithin,
    check: async (bytes) => {
      for await (const page of manifestPages(bytes, key, noTable)) {
        assert.deepEqual(page.tables, []);
      }
      const manifest = await joinPages(manifestPages(bytes, key, everyTable));
      if (manifest !== undefined) {
        assertSound(manifest);
        const written = await encodeNodeManifest(manifest);
        assert.deepEqual(await joinPages(manifestPages(written, key, everyTable)), manifest);
      }
    },
  },
];

type Decode<T> = (bytes: Uint8Array, key: string) => T;

function again<T extends Parameters<typeof encodeJson>[0]>(bytes: Buffer, decode: Decode<T>): void {
  const value = decode(bytes, key);
  assertSound(value);
  assert.deepEqual(decode(encodeJson(value), key), value);
}

async function lockIn(bytes: Buffer): Promise<void> {
  const store = {
    stat: async () => ({ key: 'lock.json', bytes: bytes.length, modified: '2026-11-21T03:15:00.000Z', etag: 'etag' }),
    get: async function* get() {
      yield bytes;
    },
  };
  assertSound(await readLock(store as unknown as ObjectStore, never));
}
