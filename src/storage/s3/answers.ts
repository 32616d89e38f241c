import { Readable, Transform, pipeline } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { StorageError } from '../../model/errors.ts';

/** Bytes of an answer that is held whole: 1,000 keys of 1,024 bytes each, all written as references, make 7 MB. */
const mostAnswer = 32 * 1024 ** 2;

/** All answers but objects are gathered by the SDK before it looks at them, however long they are: here they are cut short. */
export function bounded(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const { response } = result;
      const isObject = context['commandName'] === 'GetObjectCommand' && isAnswer(response) && response.statusCode < 300;
      if (isAnswer(response) && !isObject && response.body instanceof Readable) {
        response.body = shortened(response.body);
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'boundedAnswers' },
  );
  return client;
}

function shortened(body: Readable): Readable {
  let bytes = 0;
  const gate = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.byteLength;
      done(
        bytes > mostAnswer ? new StorageError(`the store answers with more than ${mostAnswer} bytes`, { key: '' }) : null,
        chunk,
      );
    },
  });
  // Both ends fail together, and whoever reads hears of it.
  return pipeline(body, gate, () => undefined);
}

function isAnswer(value: unknown): value is { readonly statusCode: number; body?: unknown } {
  return typeof value === 'object' && value !== null && 'statusCode' in value && typeof value.statusCode === 'number';
}
