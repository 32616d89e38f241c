import { type Check, checkOf, numberOf, proveSum } from '../node-sum.ts';
import { proveLength } from '../proof.ts';
import { type Remote } from '../../cluster/remote.ts';
import { IntegrityError, NotFoundError, RemoteError } from '../../model/errors.ts';
import { type StoredFile } from '../../model/backup/manifest.ts';
import { answerError } from './curl-answer.ts';
import { converse } from './conversation.ts';
import { curlConfig } from './curl-config.ts';
import { type DirectParts, mebibyte } from './parts.ts';
import { nicely } from '../../cluster/niceness.ts';
import { nodeCommand } from './node-scripts.ts';
import { type Target } from '../transfer.ts';

/** Only what curl and lzop say lies there. */
const smallNeed = mebibyte;

/**
 * One object, fetched and unpacked by the node that needs it. Proved are the object's length, the container's own checksums,
 * and one sum of everything: Cassandra's digest of the plain bytes where there is one, else the sum of the object.
 */
export async function downloadLarge(parts: DirectParts, { file, path }: Target, to: Remote, signal: AbortSignal): Promise<void> {
  const check = checkOf(file);
  const command = nodeCommand('fetch', smallNeed, path, file.compression, check.of, check.way);
  const talk = converse(to, nicely(command, parts.niceness ?? 0), signal);
  let got: string | undefined;
  try {
    const limit = parts.limitOf?.(to);
    await limit?.take(file.storedBytes, signal);
    const config = curlConfig([{ request: await parts.signer.get(file.key) }], limit?.bytesPerSecond);
    talk.say(`${Buffer.byteLength(config)}\n${config}`);
    for await (const line of talk.lines) {
      if (line.startsWith('GOT ')) {
        got = line;
      }
    }
  } finally {
    talk.end();
  }
  if (got === undefined) {
    throw new RemoteError(`${to.host} did not say what became of ${file.key}`, { host: to.host });
  }
  judge(got, file, check, to.host, parts.store.url);
}

function judge(line: string, file: StoredFile, check: Check, host: string, url: string): void {
  const [, curl, lzop, writing, http, length, sum, bytes, ...words] = line.split(' ');
  const said = words.join(' ').trim();
  const answer = { curl: numberOf(curl), http: numberOf(http), etag: '', said };
  const whole = said === '' ? '' : `: ${said}`;
  if (answer.http === 404) {
    throw new NotFoundError(`${url}/${file.key} does not exist`);
  }
  if (answer.http >= 300 || answer.http === 0) {
    throw answerError(host, file.key, answer);
  }
  proveLength(file, numberOf(length?.trim()));
  if (writing !== '0' || (lzop !== '0' && /space|quota|File too large/i.test(said))) {
    throw new RemoteError(`${host} cannot write ${file.key}${whole}`, { host, stderr: said });
  }
  // A reader that found damage makes curl fail too: the pipe is broken then (23).
  if (lzop !== '0' && [0, 23].includes(answer.curl)) {
    throw new IntegrityError(`${file.key} is damaged: lzop on ${host} ended with status ${lzop}${whole}`);
  }
  if (answer.curl !== 0) {
    throw answerError(host, file.key, answer);
  }
  proveSum(host, file, check, { cksum: numberOf(sum), bytes: numberOf(bytes) });
}
