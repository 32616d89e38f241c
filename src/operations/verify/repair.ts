import { IntegrityError, reasonOf, UsageError } from '../../model/errors.ts';
import { batchBySize } from '../../model/backup/batches.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { retry } from '../../flow/retry.ts';
import { type LostObject, lostObjects } from '../../model/verify/repair-plan.ts';
import { total } from '../../model/size.ts';
import { sumOf, withObject } from '../../model/backup/stored-sum.ts';
import type { StoredBytes } from '../../model/backup/upload-plan.ts';
import type { Problem, WantedComponent } from '../../model/verify/verify-plan.ts';
import type { Mending } from '../../model/verify/verify-result.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import { type Member, type MemberParts, type Members, openMembers } from '../nodes/members.ts';
import { recordStored, refuseUnsigning } from './repair-manifests.ts';
import { type Found, type Origin, findOrigins } from './lost-components.ts';
import { eachBatch } from '../nodes/each-batch.ts';
import { readDamage, type ReadingParts } from './reading.ts';

export interface RepairOptions {
  /** Nodes by name; empty means those that the backups name. They are told by host id. */
  readonly hosts: readonly string[];
  /** Streams per node. */
  readonly transfers: number;
}

/** Small objects of a batch that are read back side by side. */
const provenAtOnce = 8;

export interface RepairParts extends MemberParts, ReadingParts {
  readonly transferFor: (members: readonly Member[], store: ObjectStore, signal: AbortSignal) => Promise<Transfer>;
}

/** A repair that is at work. */
interface Repair {
  readonly options: RepairOptions;
  readonly parts: RepairParts;
  /** By key: objects that are right again, and what the manifests have to say of them. */
  readonly stored: Map<string, StoredBytes & { readonly wanted: WantedComponent }>;
  /** What has come of it so far, by key. */
  readonly mendings: Map<string, Mending>;
}

/**
 * Stores lost and damaged objects again under their keys, from the nodes that still have the components, then records what
 * is new about them in every manifest that names them. In this order: when it breaks off in between, manifests and
 * objects disagree, which is what verify looks for. Gives by key what was mended, and what was not and why.
 */
export async function repair(
  problems: readonly Problem[],
  options: RepairOptions,
  parts: RepairParts & { readonly lock: Lock },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Mending>> {
  const work: Repair = { options, parts, stored: new Map(), mendings: new Map() };
  const lost = lostObjects(problems);
  if (lost.length > 0) {
    await refuseUnsigning(parts.repository, signal);
  }
  await settleSuspects(lost, work, signal);
  await storeAgain(
    lost.filter(({ key }) => !work.stored.has(key)),
    work,
    signal,
  );
  if (work.stored.size > 0) {
    parts.listen({ type: 'step', text: 'recording what was mended' });
    await parts.lock.confirm(signal);
    await recordStored(parts.repository, work.stored, signal);
  }
  return work.mendings;
}

interface RepairUpload extends Repair {
  readonly transfer: Transfer;
}

/** An object that was only written again is as good as before if its contents are. */
async function settleSuspects(
  lost: readonly LostObject[],
  { options, parts, stored, mendings }: Repair,
  signal: AbortSignal,
): Promise<void> {
  const suspects = lost.filter(({ suspect }) => suspect);
  const look = async ({ key, wanted }: LostObject, _: number, either: AbortSignal): Promise<void> => {
    const { etag, file } = wanted;
    if (etag !== undefined && (await readDamage(file, parts, either)) === undefined) {
      stored.set(key, { storedBytes: file.storedBytes, ...sumOf(file), etag, wanted });
      mendings.set(key, { mended: true, detail: 'its contents are right; the new etag is recorded' });
    }
  };
  await eachBatch(suspects, options.transfers, look, signal);
}

async function storeAgain(lost: readonly LostObject[], work: Repair, signal: AbortSignal): Promise<void> {
  const { options, parts } = work;
  if (lost.length === 0) {
    return;
  }
  parts.listen({ type: 'step', text: 'looking for lost components on the nodes' });
  const members = await openNodes(lost, options, parts, signal);
  const transfer = await parts.transferFor(members.present, parts.repository.store, signal);
  await Promise.all(
    [...new Set(lost.map(({ wanted }) => wanted.hostId))].map(async (hostId) => {
      const objects = lost.filter(({ wanted }) => wanted.hostId === hostId);
      try {
        const member = memberOf(hostId, objects[0]?.host ?? '', members);
        const origins = await findOrigins(member, objects, signal);
        await uploadAll(member, origins, { ...work, transfer }, signal);
      } catch (error) {
        signal.throwIfAborted();
        giveUp(objects, reasonOf(error), work);
      }
    }),
  );
}

/** A node that cannot be reached is no reason to leave the others' objects lost. */
async function openNodes(
  lost: readonly LostObject[],
  options: RepairOptions,
  parts: RepairParts,
  signal: AbortSignal,
): Promise<Members> {
  const hosts = options.hosts.length > 0 ? options.hosts : [...new Set(lost.map(({ host }) => host))];
  try {
    return await openMembers(hosts, true, parts, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { present: [], absent: hosts.map((host) => ({ host, error })) };
  }
}

function memberOf(hostId: string, host: string, { present, absent }: Members): Member {
  const member = present.find(({ info }) => info?.hostId === hostId);
  if (member !== undefined) {
    return member;
  }
  const failure = absent.find((each) => each.host === host);
  throw (
    failure?.error ??
    new UsageError(`none of the nodes has host id ${hostId}, which ${host} had${notReached(absent)}`, {
      hint: 'name the node with --hosts',
    })
  );
}

function notReached(absent: Members['absent']): string {
  return absent.length === 0 ? '' : `; not reached: ${absent.map(({ host }) => host).join(', ')}`;
}

async function uploadAll(member: Member, origins: readonly Origin[], work: RepairUpload, signal: AbortSignal): Promise<void> {
  const { options, parts } = work;
  const { host } = member;
  for (const origin of origins.filter((each) => 'reason' in each)) {
    giveUp([origin.lost], origin.reason, work);
  }
  const found = origins.filter((each) => 'source' in each);
  parts.listen({ type: 'planned', host, files: found.length, bytes: total(found.map(bytesOf)) });
  parts.listen({ type: 'node', host, state: 'transfer' });
  const upload = async (batch: readonly Found[], _: number, either: AbortSignal): Promise<void> => {
    await uploadBatch(member, batch, work, either);
    parts.listen({ type: 'transferred', host, files: batch.length, bytes: total(batch.map(bytesOf)) });
  };
  await eachBatch(batchBySize(found, bytesOf), options.transfers, upload, signal);
  parts.listen({ type: 'node', host, state: 'done' });
}

/** One file that cannot be read or stored must not keep back the others of its batch. */
async function uploadBatch(member: Member, batch: readonly Found[], work: RepairUpload, signal: AbortSignal): Promise<void> {
  try {
    const sources = batch.map(({ source }) => source);
    const stored = await retry(() => work.transfer.upload(member.files, sources, signal), {}, signal);
    const proofs = sideBySide(batch.entries(), provenAtOnce, async ([index, { lost, source }]) => {
      const object = stored[index];
      if (object === undefined) {
        throw new IntegrityError(`${lost.key} was not stored`);
      }
      await prove(lost, object, work.parts, signal);
      work.stored.set(lost.key, { ...object, wanted: lost.wanted });
      work.mendings.set(lost.key, { mended: true, detail: `stored again from ${source.path} on ${member.host}` });
    });
    for await (const _ of proofs) {
      // Each notes by itself what it has proved.
    }
  } catch (error) {
    signal.throwIfAborted();
    if (batch.length === 1) {
      giveUp(
        batch.map(({ lost }) => lost),
        reasonOf(error),
        work,
      );
      return;
    }
    for (const one of batch.filter(({ lost }) => !work.stored.has(lost.key))) {
      await uploadBatch(member, [one], work, signal);
    }
  }
}

/** The store has shown already that it can lose what was put there: it is read again. */
async function prove({ wanted }: LostObject, object: StoredBytes, parts: ReadingParts, signal: AbortSignal): Promise<void> {
  const damage = await readDamage(withObject(wanted.file, object), parts, signal);
  if (damage !== undefined) {
    throw new IntegrityError(`stored again, and not right: ${damage.detail}`);
  }
}

function bytesOf({ source }: Found): number {
  return source.upload.component.bytes;
}

function giveUp(lost: readonly LostObject[], detail: string, { mendings }: Repair): void {
  for (const { key } of lost) {
    if (!mendings.has(key)) {
      mendings.set(key, { mended: false, detail });
    }
  }
}
