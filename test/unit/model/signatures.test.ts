import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSignatures } from '../../../src/model/errors.ts';
import { presign } from '../../../src/storage/s3/presign.ts';

test('what makes a signed URL worth something is left out of a text, however it is quoted', () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'TOKEN/abc==' };
  const request = {
    method: 'PUT',
    endpoint: new URL('https://store:9000/backups'),
    key: 'a/b c',
    region: 'us-east-1',
    seconds: 900,
  } as const;
  const url = presign(request, credentials, new Date());
  const signature = new URL(url).searchParams.get('X-Amz-Signature') ?? '';
  assert.equal(signature.length, 64);
  for (const text of [
    url,
    `cannot get "${url}"`,
    `<a href="${url}">${url}</a>, sorry`,
    encodeURIComponent(url),
    url.replaceAll('&', '&amp;'),
  ]) {
    const shown = withoutSignatures(text);
    assert.ok(!shown.includes(signature) && !shown.includes('TOKEN') && !shown.includes('AKIDEXAMPLE'), shown);
    assert.ok(shown.includes('store'));
  }
  assert.equal(withoutSignatures('SignatureDoesNotMatch: the signature differs'), 'SignatureDoesNotMatch: the signature differs');
});
