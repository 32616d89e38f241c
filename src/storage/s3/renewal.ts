/**
 * Credentials that end in the middle of a run: session tokens in a profile file that somebody rewrites, those of a program or of a web
 * identity, a key that was replaced. The SDK keeps what it has once read for as long as it is said to be valid, and what comes without an
 * expiry for ever. So when the store calls them expired or unknown, their sources are asked anew, and the request is sent once more if
 * they gave others.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Credentials } from './presign.ts';
import { mayHaveEnded } from './advice.ts';
import { nameOf, statusOf } from './errors.ts';

/** A source that gave the same again is left alone for so long: to ask may mean to start a program. */
const restMs = 1000;

/** Told apart by what is in the URL of a signed request. */
type Used = Pick<Credentials, 'accessKeyId' | 'sessionToken'>;

export class Renewal {
  readonly #client: S3Client;
  #asking: Promise<void> | undefined;
  #askedAtMs = -Infinity;
  #count = 0;

  /** Has the client's requests sent once more where the store wants other credentials and there are others. */
  constructor(client: S3Client) {
    this.#client = client;
    client.middlewareStack.add(
      (next) => async (args) => {
        const used = await client.config.credentials();
        try {
          return await next(args);
        } catch (error) {
          if (!wantsOthers(error) || !(await this.renew(used))) {
            throw error;
          }
          return next(args);
        }
      },
      { step: 'initialize', priority: 'high', name: 'renewedCredentials' },
    );
  }

  /** How often others came. */
  get count(): number {
    return this.#count;
  }

  /** Whether there are other credentials than those; their sources are asked if need be. A source that fails gave no others. */
  async renew(used: Used): Promise<boolean> {
    if (differ(used, await this.#current())) {
      return true;
    }
    if (this.#asking === undefined && performance.now() - this.#askedAtMs < restMs) {
      return false;
    }
    this.#asking ??= this.#ask().finally(() => {
      this.#askedAtMs = performance.now();
      this.#asking = undefined;
    });
    await this.#asking;
    return differ(used, await this.#current());
  }

  async #ask(): Promise<void> {
    const before = await this.#current();
    // A source that cannot be read right now is no reason to forget what the store has said.
    const after = await this.#client.config.credentials({ forceRefresh: true }).catch(() => before);
    this.#count += before !== undefined && after !== undefined && differ(before, after) ? 1 : 0;
  }

  async #current(): Promise<Used | undefined> {
    return this.#client.config.credentials().catch(() => undefined);
  }
}

/** An answer to HEAD has no body that could say so. */
function wantsOthers(error: unknown): boolean {
  return mayHaveEnded(nameOf(error)) || (nameOf(error) === 'Unknown' && [400, 401, 403].includes(statusOf(error)));
}

function differ(used: Used, now: Used | undefined): boolean {
  return now !== undefined && (now.accessKeyId !== used.accessKeyId || now.sessionToken !== used.sessionToken);
}
