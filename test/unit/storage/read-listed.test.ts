import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { IntegrityError, NotFoundError } from '../../../src/model/errors.ts';
import { openDirectoryStore } from '../../../src/storage/directory/directory.ts';
import { listedObject, readListed } from '../../../src/storage/read-listed.ts';
import { type HookedStore, hookedStore } from '../../support/hooked-store.ts';
import { never } from '../../support/never.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

async function place(context: TestContext): Promise<HookedStore> {
  return hookedStore(await openDirectoryStore(await temporaryDirectory(context)));
}

/** The store answers that the object is not there, so many times. */
function denying(store: HookedStore, times = Infinity): void {
  let left = times;
  store.hook = ({ verb }) => {
    if (verb === 'get' && (left -= 1) >= 0) {
      throw new NotFoundError('not there');
    }
  };
}

describe('what a listing shows', () => {
  test('is read; and what it does not show is not there', async (context) => {
    const store = await place(context);
    await store.put('a/manifest.json', Buffer.from('{}'), {}, never);
    assert.equal(String(await readListed(store, 'a/manifest.json', 9, never)), '{}');
    assert.equal(await readListed(store, 'a/manifest', 9, never), undefined, 'a longer name is another');
    assert.equal(await listedObject(store, 'a/manifest', never), undefined);
  });

  test('and nobody can read is damage, not absence', async (context) => {
    const store = await place(context);
    await store.put('a/manifest.json', Buffer.from('{}'), {}, never);
    denying(store);
    await assert.rejects(readListed(store, 'a/manifest.json', 9, never), (error: Error) => {
      assert.ok(error instanceof IntegrityError);
      assert.match(error.message, /^a\/manifest\.json cannot be read: it is listed, /);
      return true;
    });
  });

  test('may have come into being, or gone, between two answers', async (context) => {
    const store = await place(context);
    await store.put('a', Buffer.from('x'), {}, never);
    denying(store, 1);
    assert.equal(String(await readListed(store, 'a', 9, never)), 'x');
    let gets = 0;
    store.hook = async ({ verb }) => {
      if (verb === 'get' && (gets += 1) === 2) {
        await openDirectoryStore(new URL(store.url).pathname).then((plain) => plain.delete(['a'], never));
      }
      if (verb === 'get') {
        throw new NotFoundError('not there');
      }
    };
    assert.equal(await readListed(store, 'a', 9, never), undefined);
  });
});
