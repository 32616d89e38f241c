import type { Lease } from '../flow/lease.ts';
import type { Body, ObjectStore, SignedParts, Signer } from './object-store.ts';

/**
 * The store as the holder of the lock may use it: nothing is written, deleted or signed for once the lock may be somebody else's.
 * It is asked at each request and at each piece of a body, for the process may have stood still anywhere (SIGSTOP, a system that
 * slept) and goes on before any timer does. What was on its way by then may still arrive: that must do no harm, see
 * docs/chain.md.
 */
export function leasedStore(store: ObjectStore, lease: Lease): ObjectStore {
  return {
    ...(store.signer === undefined ? {} : { signer: leasedSigner(store.signer, lease) }),
    url: store.url,
    locationId: store.locationId,
    etagsOfContent: store.etagsOfContent,
    now: (signal) => store.now(signal),
    put: async (key, body, options, signal) => {
      lease.assertHeld();
      return store.put(key, leasedBody(body, lease), options, signal);
    },
    get: (key, range, signal) => store.get(key, range, signal),
    stat: (key, signal) => store.stat(key, signal),
    list: (prefix, signal) => store.list(prefix, signal),
    directories: (prefix, signal) => store.directories(prefix, signal),
    files: (prefix, signal) => store.files(prefix, signal),
    unfinished: (signal) => store.unfinished(signal),
    delete: async (keys, signal) => {
      lease.assertHeld();
      return store.delete(keys, signal);
    },
    clearUnfinished: async (before, signal) => {
      lease.assertHeld();
      return store.clearUnfinished(before, signal);
    },
    abortUnfinished: async (prefix, signal) => {
      lease.assertHeld();
      return store.abortUnfinished(prefix, signal);
    },
    close: () => store.close(),
  };
}

function leasedBody(body: Body, lease: Lease): Body {
  return body instanceof Uint8Array ? body : leasedChunks(body, lease);
}

async function* leasedChunks(body: AsyncIterable<Uint8Array>, lease: Lease): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    lease.assertHeld();
    yield chunk;
  }
  lease.assertHeld();
}

function leasedSigner(signer: Signer, lease: Lease): Signer {
  return {
    authorities: signer.authorities,
    partBytes: (limit) => signer.partBytes(limit),
    get: (key) => signer.get(key),
    put: async (key, crc) => {
      lease.assertHeld();
      return signer.put(key, crc);
    },
    inParts: async (key, signal) => {
      lease.assertHeld();
      return leasedParts(await signer.inParts(key, signal), lease);
    },
    renew: (refused, code) => signer.renew(refused, code),
  };
}

function leasedParts(parts: SignedParts, lease: Lease): SignedParts {
  return {
    sign: async (part, crc) => {
      lease.assertHeld();
      return parts.sign(part, crc);
    },
    complete: async (sent, signal) => {
      lease.assertHeld();
      return parts.complete(sent, signal);
    },
    // It takes back what we have begun ourselves, and nobody else knows of.
    abort: () => parts.abort(),
  };
}
