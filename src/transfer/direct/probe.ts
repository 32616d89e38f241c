import { reasonOf } from '../../model/errors.ts';
import { type Remote } from '../../cluster/remote.ts';
import { type Answer } from './curl-answer.ts';
import { type DirectParts, mebibyte } from './parts.ts';
import { NodeBatch } from './node-batch.ts';
import { probeCommand } from './node-scripts.ts';

/** What the choice for a node goes by. */
export interface Candidate {
  readonly remote: Remote;
  readonly hasCurl: boolean;
  readonly hasLzop: boolean;
}

function isDone({ http }: Answer): boolean {
  return http === 200 || http === 404;
}

export function missingProgram({ hasCurl, hasLzop }: Candidate, needsLzop: boolean): string | undefined {
  const missing = [...(hasCurl ? [] : ['curl']), ...(hasLzop || !needsLzop ? [] : ['lzop'])];
  return missing.length === 0 ? undefined : `it has no ${missing.join(' and no ')}`;
}

/** A key that no backup has: to be told so takes name resolution, a route, a trusted certificate and a good signature. */
const probeKey = 'sstash-probe';

export async function unreachable(remote: Remote, parts: DirectParts, signal: AbortSignal): Promise<string | undefined> {
  try {
    const lacking = (await remote.run(probeCommand(), {}, signal)).trim();
    if (lacking !== '') {
      return `it lacks ${lacking}`;
    }
    const node = new NodeBatch({ ...parts, patience: { attempts: 2, firstDelayMs: 500 } }, remote, mebibyte, signal);
    try {
      await node.send([{ key: probeKey, bytes: 0, sign: () => parts.signer.get(probeKey), files: {}, isDone }]);
      await node.finish();
    } finally {
      await node.close();
    }
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return reasonOf(error);
  }
}

/** Whether a curl sends several requests side by side (7.66 and later), by the first line of its `--version`. */
export function sendsSideBySide(version = ''): boolean {
  const [, major, minor] = /^curl (\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 66);
}
