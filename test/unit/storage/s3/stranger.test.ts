import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NotFoundError, StorageError, UnreachedError } from '../../../../src/model/errors.ts';
import type { ObjectStore } from '../../../../src/storage/object-store.ts';
import { readListed } from '../../../../src/storage/read-listed.ts';
import { bytesOf, listed } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { type OddAnswer, emptyListing, oddStore } from '../../../support/odd-store.ts';

const page = '<!doctype html><html><head><title>Sign in to the guest network</title></head><body>…</body></html>';
const html = { 'content-type': 'text/html; charset=utf-8', server: 'portal/2' };

/** Everything that a store is asked. */
const requests: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  list: (store) => listed(store, ''),
  directories: (store) => namesIn(store),
  get: (store) => bytesOf(store.get('20261121T031500Z/manifest.json', {}, never)),
  'get of a range': (store) => bytesOf(store.get('k', { from: 1, to: 5 }, never)),
  stat: (store) => store.stat('k', never),
  put: (store) => store.put('k', Buffer.from('x'), {}, never),
  'conditional put': (store) => store.put('k', Buffer.from('x'), { ifAbsent: true }, never),
  'put in parts': (store) => store.put('k', Buffer.alloc(9 * 1024 ** 2), {}, never),
  'put of a stream': (store) => store.put('k', streamOf(9 * 1024 ** 2), {}, never),
  delete: (store) => store.delete(['k'], never),
  'unfinished uploads': (store) => store.abortUnfinished('', never),
};

async function* streamOf(bytes: number): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(bytes);
}

async function failures(t: TestContext, answer: OddAnswer): Promise<Readonly<Record<string, unknown>>> {
  const odd = await oddStore(t);
  const store = await odd.open();
  odd.answer(() => answer);
  const outcomes: Record<string, unknown> = {};
  for (const [name, ask] of Object.entries(requests)) {
    outcomes[name] = await ask(store).catch((error: unknown) => error);
  }
  return outcomes;
}

for (const status of [200, 404]) {
  test(`a login page with status ${status} is no answer of a store, whatever was asked`, async (t) => {
    for (const [name, error] of Object.entries(await failures(t, { status, headers: html, body: page }))) {
      assert.ok(error instanceof UnreachedError, `${name}: ${String(error)}`);
      assert.match(
        error.message,
        new RegExp(`^s3://b: what answers at http://\\S+ is no S3 server \\(HTTP ${status}, text/html`),
        name,
      );
      assert.match(error.message, /server portal\/2\)$/, name);
      assert.match(error.hint ?? '', /proxy.*login page/);
    }
  });
}

test('it is noticed when the location is opened, with the words of the page', async (t) => {
  const odd = await oddStore(t);
  odd.answer(() => ({ headers: html, body: page }));
  await assert.rejects(
    odd.open(),
    /is no S3 server \(HTTP 200, text\/html; charset=utf-8, "Sign in to the guest network", server portal\/2\)$/,
  );
});

test('an endpoint that leads elsewhere is told with where it leads, and is no bucket of another region', async (t) => {
  const odd = await oddStore(t);
  odd.answer(() => ({ status: 302, headers: { location: 'https://login.example/?next=secret', 'content-type': 'text/plain' } }));
  await assert.rejects(
    odd.open(),
    (error) => error instanceof UnreachedError && error.message.endsWith('on to https://login.example/)'),
  );
  odd.answer(() => ({ status: 301, headers: { location: `https://x/`, ...html }, body: page }));
  await assert.rejects(odd.open(), /is no S3 server \(HTTP 301/);
});

test('nothing, and something else than what was asked for, is no answer either', async (t) => {
  const found = await failures(t, { headers: { 'content-type': 'application/xml' }, body: '' });
  for (const name of [
    'list',
    'directories',
    'get',
    'get of a range',
    'stat',
    'put',
    'put in parts',
    'put of a stream',
    'delete',
    'unfinished uploads',
  ]) {
    assert.ok(found[name] instanceof StorageError, `${name}: ${String(found[name])}`);
  }
  const other = await failures(t, { headers: { 'content-type': 'text/plain' }, body: 'it works' });
  for (const [name, error] of Object.entries(other)) {
    assert.ok(error instanceof StorageError, `${name}: ${String(error)}`);
  }
});

test('a "not found" without a code of S3 is of somebody else: nothing is taken for absent', async (t) => {
  const { get, list, stat } = await failures(t, {
    status: 404,
    headers: { 'content-type': 'text/plain' },
    body: '404 page not found',
  });
  assert.ok(get instanceof UnreachedError);
  assert.ok(list instanceof UnreachedError);
  assert.ok(stat instanceof UnreachedError);
});

test('a HEAD has no words: its 404 counts where its head is of S3, or where a GET says the same in the words of S3', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  const asked: string[] = [];
  const answering = async (head: OddAnswer, get: OddAnswer) => {
    asked.length = 0;
    odd.answer(({ method }) => (asked.push(method), method === 'HEAD' ? { status: 404, ...head } : get));
    return store.stat('k', never).catch((error: unknown) => error);
  };
  const said = (code: string): OddAnswer => ({
    status: 404,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
  });
  const ofNobody = { headers: { 'content-type': 'text/plain' } };
  assert.equal(await answering({ headers: { 'x-amz-request-id': '4711' } }, said('Never asked')), undefined);
  assert.deepEqual(asked, ['HEAD']);
  assert.equal(await answering(ofNobody, said('NoSuchKey')), undefined);
  assert.deepEqual(asked, ['HEAD', 'GET']);
  assert.ok((await answering(ofNobody, said('NoSuchBucket'))) instanceof NotFoundError);
  assert.ok((await answering(ofNobody, { headers: html, body: page })) instanceof UnreachedError);
  const object = { status: 206, headers: { etag: '"e"', 'content-range': 'bytes 0-0/9', 'content-length': '1' }, body: 'x' };
  for (const there of [object, { ...said('InvalidRange'), status: 416 }]) {
    const error = await answering(ofNobody, there);
    assert.ok(error instanceof StorageError && error.transient, String(error));
    assert.match(error.message, /says that it is not there \(HEAD, HTTP 404\), and gives it/);
  }
});

test('that there is no such object is an answer to whoever asks for one, and to nobody else', async (t) => {
  const said = (code: string): OddAnswer => ({ status: 404, body: `<?xml version="1.0"?>\n<Error><Code>${code}</Code></Error>` });
  for (const code of ['NoSuchKey', 'NotFound']) {
    const { get, 'get of a range': range, 'conditional put': conditional, stat, ...others } = await failures(t, said(code));
    assert.ok(get instanceof NotFoundError && range instanceof NotFoundError);
    assert.equal(stat, undefined);
    assert.ok(conditional instanceof StorageError);
    for (const [name, error] of Object.entries(others)) {
      assert.ok(error instanceof UnreachedError && error.exitCode === 1, `${name}: ${String(error)}`);
      assert.match(error.message, /is no S3 server, which would not say so: \w+ \(HTTP 404\)$/, name);
    }
  }
  const { list, directories, 'unfinished uploads': unfinished } = await failures(t, said('NoSuchBucket'));
  for (const error of [list, directories, unfinished]) {
    assert.ok(error instanceof NotFoundError && error.message === 'bucket b does not exist', String(error));
  }
  // Nor does a code count in what is no error of S3.
  const strange = await failures(t, { status: 404, body: '<html><Code>NoSuchKey</Code></html>' });
  assert.ok(strange['get'] instanceof UnreachedError, String(strange['get']));
});

test('a manifest is absent only where a listing of S3 confirms it', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  const lost = { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };
  odd.answer(() => lost);
  await assert.rejects(readListed(store, 'manifest.json', 1000, never), UnreachedError);
  odd.answer(({ url }) =>
    url.searchParams.has('list-type')
      ? { body: emptyListing.replace('<Prefix></Prefix>', '<Prefix>manifest.json</Prefix>') }
      : lost,
  );
  assert.equal(await readListed(store, 'manifest.json', 1000, never), undefined);
});

test('what is gone counts as deleted where a server knows no batches either', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  odd.answer(({ method }) =>
    method === 'POST'
      ? { status: 501, body: '<Error><Code>NotImplemented</Code></Error>' }
      : { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' },
  );
  await store.delete(['k'], never);
});

test('a listing that is cut off, is of another place, or goes round in circles is none', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  const outcomeOf = async (body: string | ((token: string | null) => string)): Promise<string> => {
    odd.answer(({ url }) => ({ body: typeof body === 'string' ? body : body(url.searchParams.get('continuation-token')) }));
    return listed(store, '').then(
      (found) => `${found.length} objects`,
      (error: unknown) => (error instanceof StorageError ? error.message : `? ${String(error)}`),
    );
  };
  const truncated = (token: string, more = ''): string =>
    emptyListing
      .replace('<IsTruncated>false</IsTruncated>', `<IsTruncated>true</IsTruncated>${token}`)
      .replace('<Prefix>', `${more}<Prefix>`);
  assert.equal(await outcomeOf(emptyListing), '0 objects');
  assert.match(await outcomeOf(emptyListing.slice(0, -20)), /breaks off/);
  assert.match(
    await outcomeOf(emptyListing.replace('<Name>b<', '<Name>other<')),
    /was answered by the listing of another place, other\//,
  );
  assert.match(await outcomeOf(emptyListing.replace('<Prefix></Prefix>', '<Prefix>x/</Prefix>')), /another place/);
  assert.match(await outcomeOf(truncated('')), /breaks off/);
  assert.match(await outcomeOf(emptyListing.replace(/<IsTruncated>.*<.IsTruncated>/, '')), /breaks off/);
  assert.match(await outcomeOf(truncated('<NextContinuationToken></NextContinuationToken>')), /breaks off/);
  const circle = (token: string | null) =>
    truncated(`<NextContinuationToken>${token === 'one' ? 'two' : 'one'}</NextContinuationToken>`);
  assert.match(await outcomeOf(circle), /goes round in circles/);
  assert.match(
    await outcomeOf('<?xml version="1.0"?><ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>'),
    /is no S3 server/,
  );
});

test('what a listing shows twice, on one page or because a page comes twice, is given once', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  const object = (key: string) =>
    `<Contents><Key>${key}</Key><Size>1</Size><LastModified>2026-11-21T03:15:00Z</LastModified><ETag>"e"</ETag></Contents>`;
  const directory = (name: string) => `<CommonPrefixes><Prefix>${name}/</Prefix></CommonPrefixes>`;
  const pages = ['', 'one', 'two'];
  // The second page is the first one again.
  odd.answer(({ url }) => {
    const token = url.searchParams.get('continuation-token') ?? '';
    const next = pages[pages.indexOf(token) + 1];
    const shown = (token === 'two' ? [object('c'), object('c')] : [object('a'), object('b')]).join('') + directory('d');
    const whole = emptyListing.replace('<KeyCount>', `${shown}<KeyCount>`);
    const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`;
    return { body: next === undefined ? whole : whole.replace('<IsTruncated>false</IsTruncated>', more) };
  });
  assert.deepEqual(
    (await listed(store, '')).map(({ key }) => key),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(await namesIn(store), ['d']);
  const files: string[] = [];
  for await (const name of store.files('', never)) {
    files.push(name);
  }
  assert.deepEqual(files, ['a', 'b', 'c']);
});

test('a foreign key in a listing is an error, not an object of ours', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open('base');
  const entry = `<Contents><Key>base/b/x</Key><Size>1</Size><LastModified>2026-11-21T03:15:00Z</LastModified><ETag>"e"</ETag></Contents>`;
  odd.answer(() => ({ body: emptyListing.replace('<KeyCount>', `${entry}<KeyCount>`) }));
  assert.equal((await listed(store, 'b/')).length, 1);
  await assert.rejects(listed(store, 'a/'), /lists a foreign key base\/b\/x/);
});

test('an upload that is completed with an error inside of a 200 is not stored', async (t) => {
  const odd = await oddStore(t);
  const store = await odd.open();
  odd.answer(({ method, url }) => {
    if (method === 'POST' && url.searchParams.has('uploads')) {
      return { body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>' };
    }
    return method === 'POST'
      ? { body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>' }
      : { status: method === 'DELETE' ? 204 : 200, headers: { etag: '"e"' } };
  });
  await assert.rejects(store.put('k', streamOf(9 * 1024 ** 2), {}, never), StorageError);
  odd.answer(({ method }) =>
    method === 'POST'
      ? { body: '<InitiateMultipartUploadResult></InitiateMultipartUploadResult>' }
      : { status: 204, headers: {} },
  );
  await assert.rejects(store.put('k', streamOf(9 * 1024 ** 2), {}, never), /was begun without an id/);
  odd.answer(({ method, url }) =>
    method === 'POST' && url.searchParams.has('uploads')
      ? { body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>' }
      : { status: method === 'DELETE' ? 204 : 200, headers: {} },
  );
  await assert.rejects(store.put('k', streamOf(9 * 1024 ** 2), {}, never), /a part came without an etag/);
});

async function namesIn(store: ObjectStore): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.directories('', never)) {
    names.push(name);
  }
  return names;
}
