import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { IntegrityError, RemoteError, reasonOf } from '../../model/errors.ts';
import type { Remote } from '../../cluster/remote.ts';
import { probeKey } from '../../storage/location-keys.ts';
import { isAbsent, isFetched } from './answer.ts';
import { deliver, put } from './deliver.ts';
import type { NodePart } from './node-part.ts';
import { type Exchanged, heard } from './node-unit.ts';
import type { DirectParts } from './parts.ts';

/** A program of a node, as the choice goes by it. */
export interface Candidate {
  readonly remote: Remote;
  /** Number of its Python 3, such as `3.11.2`. */
  readonly python: string | undefined;
  readonly hasLzop: boolean;
}

/** What a run will ask of a node. */
export interface Need {
  readonly needsLzop: boolean;
  readonly writes: boolean;
}

/** What stands in the way of a direct transfer, if anything does, and what is to be known where nothing does. */
export interface Trial {
  readonly obstacle?: string;
  readonly note?: string;
}

/** Who is interrupted does not wait for long. */
const cleanUpWithinMs = 5000;

const probeText = 'sstash has tried out whether this node reaches the store; this may be deleted\n';

/**
 * Does on the node what the run will do: where it writes, an object is put with the headers of every other, fetched again, and
 * deleted; else one is asked for that is not there. What fails is the obstacle, in the store's own words.
 */
export async function tryOut(parts: DirectParts, candidate: Candidate, need: Need, signal: AbortSignal): Promise<Trial> {
  const missing = missingProgram(candidate, need.needsLzop);
  if (missing !== undefined) {
    return { obstacle: missing };
  }
  const patient = { ...parts, patience: { attempts: 2, firstDelayMs: 500 } };
  const { remote } = candidate;
  const node = parts.programs.on(remote);
  try {
    // A name that no backup has. To be told so takes name resolution, a route, a trusted certificate and a good signature.
    const key = probeKey(randomBytes(4).toString('hex'));
    const probing = { parts: patient, node, key };
    const trial = need.writes ? await putAndGet(probing, signal) : await ask(probing, signal);
    if (trial.obstacle !== undefined) {
      await parts.programs.end(remote);
    }
    return trial;
  } catch (error) {
    await parts.programs.end(remote);
    throw error;
  }
}

function missingProgram({ python, hasLzop }: Candidate, needsLzop: boolean): string | undefined {
  if (python !== undefined && !/^\d+\.\d+/.test(python)) {
    return `its python3 is of no use, it says: ${python}`;
  }
  if (python !== undefined && !isRecent(python)) {
    return `its Python is ${python}, 3.6 or newer is needed`;
  }
  const missing = [...(python !== undefined ? [] : ['python3']), ...(hasLzop || !needsLzop ? [] : ['lzop'])];
  return missing.length === 0 ? undefined : `it has no ${missing.join(' and no ')}`;
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 6);
}

interface Probing {
  readonly parts: DirectParts;
  readonly node: NodePart;
  readonly key: string;
}

async function ask(probing: Probing, signal: AbortSignal): Promise<Trial> {
  try {
    const { answer } = await fetchProbe(probing, signal);
    return isAbsent(answer)
      ? {}
      : { obstacle: `what answers ${probing.node.host} is not the store: it has an object of a name that nothing has` };
  } catch (error) {
    signal.throwIfAborted();
    return { obstacle: reasonOf(error) };
  }
}

async function putAndGet(probing: Probing, signal: AbortSignal): Promise<Trial> {
  const bytes = Buffer.byteLength(probeText);
  let isThere = false;
  let obstacle: string | undefined;
  try {
    await putProbe(probing, bytes, signal);
    isThere = true;
    const { sum } = await fetchProbe(probing, signal);
    if (sum?.bytes !== bytes || sum.crc !== crc32(probeText)) {
      throw new IntegrityError(`${probing.node.host} got something else back than it put there`);
    }
  } catch (error) {
    if (signal.aborted) {
      // What arrives later than that the next run clears.
      await removeProbe(probing, AbortSignal.timeout(cleanUpWithinMs)).catch(() => undefined);
      throw signal.reason;
    }
    obstacle = reasonOf(error);
  }
  // Also where the answer to the put was lost: it may be there.
  const note = await removeProbe(probing, signal);
  return { ...(obstacle === undefined ? {} : { obstacle }), ...(note === undefined || !isThere ? {} : { note }) };
}

async function putProbe({ parts, node, key }: Probing, bytes: number, signal: AbortSignal): Promise<void> {
  const exchange = node.begin({ upload: [{ text: probeText, bytes, lzo: false }], part: null }, signal);
  await heard(exchange, async (news) => {
    if (news.kind !== 'ready') {
      throw new RemoteError(`${node.host} said what does not belong to an upload: ${news.kind}`, { host: node.host });
    }
    const sign = () => parts.signer.put(key, news.sum.crc);
    await put({ parts, node, exchange }, { number: news.item, key, sign }, signal);
  });
}

/** What there is to say when it cannot be removed. */
async function removeProbe({ parts, key }: Probing, signal: AbortSignal): Promise<string | undefined> {
  try {
    await parts.store.delete([key], signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return `${parts.store.url}/${key} was stored to try it out, and cannot be deleted: ${reasonOf(error)}`;
  }
}

/** What the node got of the object, which may not be there. */
async function fetchProbe({ parts, node, key }: Probing, signal: AbortSignal): Promise<Exchanged> {
  const bytes = Buffer.byteLength(probeText);
  const exchange = node.begin(
    { download: [{ path: key, bytes, plain: bytes, lzo: false, turned: false }], alone: false, landing: null },
    signal,
  );
  let got: Exchanged | undefined;
  const item = { number: 0, key, sign: () => parts.signer.get(key), isDone: isFetched };
  await heard(exchange, async (news) => {
    if (news.kind === 'begun') {
      got = await deliver({ parts, node, exchange }, item, signal);
      // Of what is not the probe's text nothing more will come.
      if (isAbsent(got.answer) || got.sum?.bytes !== bytes) {
        exchange.leave();
      }
    }
  });
  if (got === undefined) {
    throw new RemoteError(`${node.host} did not say what became of ${key}`, { host: node.host });
  }
  return got;
}
