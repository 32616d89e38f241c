import { createHash, createHmac } from 'node:crypto';

/** The keys that operators sign manifests with, by the names of their files, and their signatures by docs/format.md and nothing of the program. */
const keys: Readonly<Record<string, Buffer>> = {
  'first.key': Buffer.alloc(32, 'Sesame\x01'),
  'second.key': Buffer.alloc(40, 'Barley\xff'),
};

export function keyBytes(file: string): Uint8Array | undefined {
  return keys[file];
}

/** Whether one of the keys has signed these bytes under this name. */
export function isSignedBy(keyId: string, hmac: string, name: string, body: Uint8Array): boolean {
  return Object.values(keys).some((key) => {
    const id = createHash('sha256').update('sstash manifest key\n').update(key).digest('hex').slice(0, 8);
    return id === keyId && createHmac('sha256', key).update(`sstash manifest 1\n${name}\n`).update(body).digest('hex') === hmac;
  });
}
