import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntegrityError, NotFoundError } from '../../../src/model/errors.ts';
import { unlessDamaged } from '../../../src/storage/unless-damaged.ts';

test('damage is answered, what is whole is given, and any other failure is thrown on', async () => {
  const answer = ({ message }: IntegrityError): string => `damaged: ${message}`;
  assert.equal(await unlessDamaged(() => Promise.resolve(7), answer), 7);
  assert.equal(await unlessDamaged(() => Promise.reject(new IntegrityError('half')), answer), 'damaged: half');
  await assert.rejects(
    unlessDamaged(() => Promise.reject(new NotFoundError('gone')), answer),
    NotFoundError,
  );
});
