import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceOn } from '../../../../src/storage/s3/advice.ts';

const complaints: readonly (readonly [code: string, status: number, message: string, advice: RegExp])[] = [
  ['InvalidObjectState', 403, "The operation is not valid for the object's storage class", /restore-object/],
  ['AccessDenied', 403, 'Access Denied', /check the credentials .* policies/],
  ['AccessDenied', 403, 'not authorized to perform: kms:GenerateDataKey on this resource', /encryption key/],
  ['KMS.DisabledException', 400, 'the key is disabled', /encryption key/],
  ['XMinioKMSKeyNotFoundException', 400, '', /encryption key/],
  ['AccessDenied', 403, 'Access Denied because object protected by object lock.', /Object Lock holds/],
  ['InvalidRequest', 400, 'Object is WORM protected and cannot be overwritten', /Object Lock holds/],
  ['InvalidAccessKeyId', 403, '', /access key/],
  ['SignatureDoesNotMatch', 403, '', /secret key/],
  ['ExpiredToken', 400, '', /session .* has ended/],
  ['CredentialsProviderError', 0, 'Could not load credentials from any providers', /AWS_PROFILE/],
  ['RequestTimeTooSkewed', 403, '', /clock of the control host/],
  ['NoSuchBucket', 404, '', /bucket does not exist/],
  ['EntityTooLarge', 400, '', /no request of this size/],
  ['', 413, '', /no request of this size/],
  ['QuotaExceeded', 403, '', /no room left/],
  ['XMinioStorageFull', 507, '', /no room left/],
  ['', 507, '', /no room left/],
  ['AccessDenied', 403, 'Cannot upload files, storage cap exceeded.', /no room left/],
  ['KeyTooLongError', 400, '', /1,024 bytes/],
  ['MethodNotAllowed', 405, '', /S3 server/],
];
for (const [code, status, message, advice] of complaints) {
  test(`${code === '' ? `HTTP ${status}` : code} (${message === '' ? 'without a word' : message}) has advice of its own, and is final`, () => {
    const { hint, transient } = adviceOn({ code, status, message });
    assert.match(hint ?? '', advice);
    assert.equal(transient, false);
  });
}

for (const [code, status] of [
  ['SlowDown', 503],
  ['', 503],
  ['', 429],
  ['ThrottlingException', 400],
] as const) {
  test(`${code || status}: the store is busy, which passes, and fewer streams help`, () => {
    const { hint, transient } = adviceOn({ code, status, message: '' });
    assert.match(hint ?? '', /--transfers/);
    assert.equal(transient, true);
  });
}

test('what is wrong with the store itself passes, without advice', () => {
  assert.deepEqual(adviceOn({ code: 'InternalError', status: 500, message: '' }), { transient: true });
  assert.deepEqual(adviceOn({ code: '', status: 502, message: '' }), { transient: true });
});

test('a put that lacks a header for Object Lock is not called an object that is held', () => {
  const message = 'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters';
  assert.deepEqual(adviceOn({ code: 'InvalidRequest', status: 400, message }), { transient: false });
});
