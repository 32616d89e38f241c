/** What comes as an answer of S3 and cannot be read is told in our own words, whatever was asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BackupError, StorageError, reasonOf } from '../../../../src/model/errors.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { bytesOf, listed } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { type OddAnswer, emptyListing, oddStore } from '../../../support/odd-store.ts';

const xml = { 'content-type': 'application/xml' };
const listing = emptyListing.replace(
  '<IsTruncated>',
  `<Contents><Key>k</Key><Size>1</Size><LastModified>2026-11-21T03:15:00Z</LastModified><ETag>"e"</ETag></Contents><IsTruncated>`,
);
const uploads = `<?xml version="1.0"?><ListMultipartUploadsResult><Bucket>b</Bucket><Upload><Key>k</Key><UploadId>u</UploadId>\
<Initiated>2026-11-21T03:15:00Z</Initiated></Upload><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>`;
const deleted = `<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>`;
const refusal = `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message><Region>r</Region></Error>`;

const head = { 'content-length': '1', 'last-modified': 'Sat, 21 Nov 2026 03:15:00 GMT', etag: '"e"' };

/** Each request, and what a store may answer to it. */
const asked: readonly (readonly [name: string, ask: (store: ObjectStore) => Promise<unknown>, answers: readonly OddAnswer[]])[] =
  [
    ['list', (store) => listed(store, ''), [{ body: listing }, { status: 400, body: refusal }]],
    ['unfinished', (store) => unfinishedIn(store), [{ body: uploads }, { status: 403, body: refusal }]],
    ['delete', (store) => store.delete(['k'], never), [{ body: deleted }, { body: refusal }, { status: 400, body: refusal }]],
    ['stat', (store) => store.stat('k', never), [{ headers: head }]],
    [
      'get',
      (store) => bytesOf(store.get('k', { from: 0, to: 1 }, never)),
      [
        { headers: head, body: 'x' },
        { status: 404, body: refusal },
      ],
    ],
    [
      'put of parts',
      (store) => store.put('k', Buffer.alloc(9 * 1024 ** 2), {}, never),
      [{ body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>' }],
    ],
    ['conditional put', (store) => store.put('k', Buffer.from('x'), { ifAbsent: true }, never), [{ status: 412, body: refusal }]],
  ];

async function unfinishedIn(store: ObjectStore): Promise<number> {
  let count = 0;
  for await (const _ of store.unfinished(never)) {
    count += 1;
  }
  return count;
}

function assertOurWords(error: unknown, what: string): void {
  assert.ok(error instanceof BackupError, `${what}: ${String(error)}`);
  assert.doesNotMatch(reasonOf(error), /deserializ|\$response|schema type|is not a function|XML parse|undefined|\[object/i, what);
}

test('a document with an element in the place of text, twice, or with a time that is none is told so, for whatever was asked', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  for (const [name, ask, answers] of asked) {
    for (const { status = 200, headers = xml, body = '' } of answers) {
      const elements = [...body.matchAll(/<(\w+)>[^<]+<\/\1>/g)].map(([whole, tag = '']) => ({ whole, tag }));
      const broken = elements.flatMap(({ whole, tag }) => [
        body.replace(whole, `<${tag}><a>x</a></${tag}>`),
        body.replace(whole, whole + whole),
        body.replace(whole, `<${tag}>never < </${tag}>`),
      ]);
      for (const text of broken) {
        odd.answer(() => ({ status, headers, body: text }));
        const outcome = await ask(store).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          assertOurWords(outcome, `${name} ${status} ${text}`);
        }
      }
    }
  }
});

test('a page or a listing that cannot be read is a failure of the store, and tells where it came from', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  const token = '<IsTruncated>true</IsTruncated><NextContinuationToken><a>1</a></NextContinuationToken>';
  odd.answer(() => ({ headers: xml, body: listing.replace('<IsTruncated>false</IsTruncated>', token) }));
  await assert.rejects(listed(store, ''), (error) => {
    assert.ok(error instanceof StorageError && error.exitCode === 1);
    assert.equal(error.message, `s3://b: the answer of ${odd.endpoint} cannot be read (HTTP 200)`);
    assert.match(error.hint ?? '', /check --endpoint/);
    return true;
  });
  odd.answer(() => ({ headers: { ...head, 'last-modified': 'never' }, body: 'x' }));
  await assert.rejects(store.stat('k', never), /cannot be read \(HTTP 200\)/);
  odd.answer(() => ({ status: 403, headers: xml, body: '<Error><Code>AccessDenied</Code><Mess' }));
  await assert.rejects(listed(store, ''), (error) => {
    assert.ok(error instanceof StorageError);
    assert.equal(error.message, `cannot list s3://b: the answer of ${odd.endpoint} cannot be read (HTTP 403)`);
    assert.match(error.hint ?? '', /check the credentials/);
    return true;
  });
});

test('a proxy that answers for a busy store with a page is asked again, as by its status', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  let times = 0;
  odd.answer(() => {
    times += 1;
    return times < 3
      ? { status: 503, headers: { 'content-type': 'text/html' }, body: '<html><body><p>busy<br></body></html>' }
      : { headers: xml, body: listing };
  });
  assert.deepEqual((await listed(store, '')).length, 1);
  assert.equal(times, 3);
});

test('sizes that are none are no sizes', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  for (const size of ['abc', '-1', '1.5', 'Infinity', '99999999999999999999']) {
    odd.answer(() => ({ headers: xml, body: listing.replace('<Size>1<', `<Size>${size}<`) }));
    await assert.rejects(listed(store, ''), /lists k with a size or a time that is none/, size);
  }
});

test('a listing with whatever changed in it is read, or refused in our own words', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  const bits = ['<', '>', '&', '</Key>', '<Key>', '<a/>', '"', '&#0;', '\u0000', '-', 'é', '<![CDATA[', '<!--', ''];
  const change = fc.record({ at: fc.nat(listing.length), length: fc.nat(12), put: fc.constantFrom(...bits) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      let body = listing;
      for (const { at, length, put } of changes) {
        body = body.slice(0, at) + put + body.slice(at + length);
      }
      odd.answer(() => ({ headers: xml, body }));
      const outcome = await listed(store, '').catch((error: unknown) => error);
      if (outcome instanceof Error) {
        assertOurWords(outcome, body);
      }
    }),
    { numRuns: 200 },
  );
});
