import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerError } from '../../../../src/transfer/direct/curl-answer.ts';

const said = (code: string, message = '') => `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;

const answers: readonly (readonly [what: string, http: number, curl: number, said: string, transient: boolean, says: RegExp])[] =
  [
    ['a store that is busy', 503, 0, said('SlowDown'), true, /SlowDown, HTTP 503$/],
    ['too many requests', 429, 0, '', true, /HTTP 429$/],
    ['a lost connection', 0, 56, 'curl: (56) Recv failure: Connection reset by peer', true, /Recv failure/],
    ['an answer that broke off', 200, 18, 'curl: (18) transfer closed', true, /transfer closed/],
    ['an expired signature', 403, 0, said('AccessDenied', 'Request has expired'), true, /AccessDenied/],
    ['an expired session token', 400, 0, said('ExpiredToken'), true, /ExpiredToken/],
    ['an upload that somebody removed', 404, 0, said('NoSuchUpload'), true, /NoSuchUpload/],
    ['a refusal', 403, 0, said('AccessDenied', 'Access Denied'), false, /AccessDenied, HTTP 403$/],
    ['a wrong clock', 403, 0, said('RequestTimeTooSkewed'), false, /RequestTimeTooSkewed/],
    ['something that the server does not know', 501, 0, said('NotImplemented'), false, /NotImplemented/],
    ['a certificate that is not trusted', 0, 60, 'curl: (60) SSL certificate problem', false, /certificate/],
    ['a full disk', 200, 23, 'curl: (23) Failure writing output', false, /Failure writing/],
  ];
for (const [what, http, curl, text, transient, says] of answers) {
  test(`${what} is ${transient ? 'worth another try' : 'final'}, and named with node and key`, () => {
    const error = answerError('node7', 'b/key', { http, curl, etag: '', said: text });
    assert.equal(error.transient, transient);
    assert.match(error.message, /^node7 cannot exchange b\/key with the store: /);
    assert.match(error.message, says);
  });
}
