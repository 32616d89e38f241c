import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnreachedError } from '../../../../src/model/errors.ts';
import { answerError, isFetched } from '../../../../src/transfer/direct/answer.ts';

const said = (code: string, message = '') => `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;

const answers: readonly (readonly [what: string, status: number, said: string, transient: boolean, says: RegExp])[] = [
  ['a store that is busy', 503, said('SlowDown'), true, /SlowDown, HTTP 503$/],
  ['too many requests', 429, '', true, /HTTP 429$/],
  ['a lost connection', 0, 'ConnectionResetError: [Errno 104] Connection reset by peer', true, /reset by peer$/],
  ['an answer that broke off', 0, 'the answer broke off', true, /broke off$/],
  ['a success without what it should say', 200, '', true, /HTTP 200$/],
  [
    'an expired signature',
    403,
    said('AccessDenied', 'Request has expired'),
    true,
    /AccessDenied: Request has expired, HTTP 403$/,
  ],
  ['an expired session token', 400, said('ExpiredToken'), true, /ExpiredToken/],
  ['an upload that somebody removed', 404, said('NoSuchUpload'), true, /NoSuchUpload/],
  ['a refusal', 403, said('AccessDenied', 'Access Denied'), false, /AccessDenied: Access Denied, HTTP 403$/],
  ['a wrong clock', 403, said('RequestTimeTooSkewed'), false, /RequestTimeTooSkewed/],
  ['something that the server does not know', 501, said('NotImplemented'), false, /NotImplemented/],
];
for (const [what, status, text, transient, says] of answers) {
  test(`${what} is ${transient ? 'worth another try' : 'final'}, and named with node and key`, () => {
    const error = answerError('node7', 'b/key', { status, etag: '', said: text, trusted: true });
    assert.equal(error.transient, transient);
    assert.match(error.message, /^node7 cannot exchange b\/key with the store: /);
    assert.match(error.message, says);
  });
}

test('a certificate that is not trusted is final, with what to do about it', () => {
  const text = 'SSLCertVerificationError: certificate verify failed';
  const error = answerError('node7', 'b/key', { status: 0, etag: '', said: text, trusted: false });
  assert.equal(error.transient, false);
  assert.match(error.hint ?? '', /does not trust the certificate of the store/);
});

test('what is no answer of the store is told in its own words', () => {
  const page = '<html><head><title>413 Request Entity Too Large</title></head><body><center>nginx</center></body></html>';
  const error = answerError('node7', 'b/key', { status: 413, etag: '', said: page, trusted: true });
  assert.match(error.message, /: 413 Request Entity Too Large nginx, HTTP 413$/);
  assert.match(error.hint ?? '', /no request of this size/);
});

test('an archived object is no matter of credentials, nor of the way', () => {
  const text = said('InvalidObjectState', "The operation is not valid for the object's storage class");
  const { hint = '' } = answerError('node7', 'b/key', { status: 403, etag: '', said: text, trusted: true });
  assert.match(hint, /restore-object/);
  assert.doesNotMatch(hint, /credentials|relay/);
});

test('a bare refusal may be of the address, which relay would not have', () => {
  const { hint = '' } = answerError('node7', 'b/key', { status: 403, etag: '', said: said('AccessDenied'), trusted: true });
  assert.match(hint, /check the credentials.*--transfer relay/);
});

test('only what the store itself says of an object that is not there is taken for that', () => {
  const answer = (text: string) => ({ status: 404, etag: '', said: text, trusted: true });
  assert.equal(isFetched(answer(said('NoSuchKey'))), true);
  assert.equal(isFetched(answer(said('NoSuchBucket'))), false);
  assert.equal(isFetched(answer('<html>404 not found</html>')), false);
});

const unreached: readonly (readonly [what: string, status: number, text: string, expected: boolean])[] = [
  ['a connection that is cut', 0, 'TimeoutError: timed out', true],
  ['a success that is not the store’s', 200, '<html>log in</html>', true],
  ['a gateway that does not get there', 504, '<html>Gateway Time-out</html>', true],
  ['a store that has trouble inside', 502, said('InternalError'), false],
  ['a store that is busy', 503, '', false],
];
for (const [what, status, text, expected] of unreached) {
  test(`${what} means that the store was ${expected ? 'not ' : ''}reached`, () => {
    const error = answerError('node7', 'b/key', { status, etag: '', said: text, trusted: true });
    assert.deepEqual([error instanceof UnreachedError, error.transient], [expected, true]);
  });
}
