import { IntegrityError, reasonOf, UsageError } from '../../model/errors.ts';
import { batchBySize } from '../../model/backup/batches.ts';
import { inOrder } from '../../flow/side-by-side.ts';
import { retry } from '../../flow/retry.ts';
import { type LostObject, lostObjects } from '../../model/verify/repair-plan.ts';
import { total } from '../../model/size.ts';
import { sumOf, withObject } from '../../model/backup/stored-sum.ts';
import { type StoredBytes } from '../../model/backup/upload-plan.ts';
import { type Problem, type WantedComponent } from '../../model/verify/verify-plan.ts';
import { type Mending } from '../../model/verify/verify-result.ts';
import { type Lock } from '../../storage/lock/held-lock.ts';
import { type Transfer } from '../../transfer/transfer.ts';
import { type Member, type MemberParts, type Members, openMembers } from '../nodes/members.ts';
import { recordStored } from './repair-manifests.ts';
import { type Found, type Origin, findOrigins } from './lost-components.ts';
import { runUnits } from '../nodes/on-units.ts';
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
  readonly transferFor: (members: readonly Member[], signal: AbortSignal) => Promise<Transfer>;
}

/** What has come of it so far, by key. */
interface Progress {
  /** Objects that are right again, and what the manifests have to say of them. */
  readonly stored: Map<string, StoredBytes & { readonly wanted: WantedComponent }>;
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
  parts: RepairParts,
  lock: Lock,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Mending>> {
  const progress: Progress = { stored: new Map(), mendings: new Map() };
  const lost = lostObjects(problems);
  await settleSuspects(lost, options, parts, progress, signal);
  await storeAgain(
    lost.filter(({ key }) => !progress.stored.has(key)),
    options,
    parts,
    progress,
    signal,
  );
  if (progress.stored.size > 0) {
    parts.listen({ type: 'step', text: 'recording what was mended' });
    await lock.confirm(signal);
    await recordStored(parts.repository, progress.stored, signal);
  }
  return progress.mendings;
}

/** An object that was only written again is as good as before if its contents are. */
async function settleSuspects(
  lost: readonly LostObject[],
  { transfers }: RepairOptions,
  parts: RepairParts,
  { stored, mendings }: Progress,
  signal: AbortSignal,
): Promise<void> {
  const suspects = lost.filter(({ suspect }) => suspect);
  await runUnits(suspects, transfers, signal, async ({ key, wanted }, _, either) => {
    const { etag, file } = wanted;
    if (etag !== undefined && (await readDamage(file, parts, either)) === undefined) {
      stored.set(key, { storedBytes: file.storedBytes, ...sumOf(file), etag, wanted });
      mendings.set(key, { mended: true, detail: 'its contents are right; the new etag is recorded' });
    }
  });
}

async function storeAgain(
  lost: readonly LostObject[],
  options: RepairOptions,
  parts: RepairParts,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  if (lost.length === 0) {
    return;
  }
  parts.listen({ type: 'step', text: 'looking for lost components on the nodes' });
  const members = await openNodes(lost, options, parts, signal);
  const transfer = await parts.transferFor(members.present, signal);
  await Promise.all(
    [...new Set(lost.map(({ wanted }) => wanted.hostId))].map(async (hostId) => {
      const objects = lost.filter(({ wanted }) => wanted.hostId === hostId);
      try {
        const member = memberOf(hostId, objects[0]?.host ?? '', members);
        const origins = await findOrigins(member, objects, signal);
        await uploadAll(member, origins, options, { ...parts, transfer }, progress, signal);
      } catch (error) {
        signal.throwIfAborted();
        giveUp(objects, reasonOf(error), progress);
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

async function uploadAll(
  member: Member,
  origins: readonly Origin[],
  { transfers }: RepairOptions,
  parts: RepairParts & { readonly transfer: Transfer },
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { host } = member;
  for (const origin of origins.filter((each) => 'reason' in each)) {
    giveUp([origin.lost], origin.reason, progress);
  }
  const found = origins.filter((each) => 'source' in each);
  parts.listen({ type: 'planned', host, files: found.length, bytes: total(found.map(bytesOf)) });
  parts.listen({ type: 'node', host, state: 'transfer' });
  await runUnits(batchBySize(found, bytesOf), transfers, signal, async (unit, _, either) => {
    await uploadUnit(member, unit, parts, progress, either);
    parts.listen({ type: 'transferred', host, files: unit.length, bytes: total(unit.map(bytesOf)) });
  });
  parts.listen({ type: 'node', host, state: 'done' });
}

/** One file that cannot be read or stored must not keep back the others of its batch. */
async function uploadUnit(
  member: Member,
  unit: readonly Found[],
  parts: RepairParts & { readonly transfer: Transfer },
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  try {
    const sources = unit.map(({ source }) => source);
    const stored = await retry(() => parts.transfer.upload(member.remote, sources, signal), signal);
    const proofs = inOrder(unit.entries(), provenAtOnce, async ([index, { lost, source }]) => {
      const object = stored[index];
      if (object === undefined) {
        throw new IntegrityError(`${lost.key} was not stored`);
      }
      await prove(lost, object, parts, signal);
      progress.stored.set(lost.key, { ...object, wanted: lost.wanted });
      progress.mendings.set(lost.key, { mended: true, detail: `stored again from ${source.path} on ${member.host}` });
    });
    for await (const _ of proofs) {
      // Each notes by itself what it has proved.
    }
  } catch (error) {
    signal.throwIfAborted();
    if (unit.length === 1) {
      giveUp(
        unit.map(({ lost }) => lost),
        reasonOf(error),
        progress,
      );
      return;
    }
    for (const one of unit.filter(({ lost }) => !progress.stored.has(lost.key))) {
      await uploadUnit(member, [one], parts, progress, signal);
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

function giveUp(lost: readonly LostObject[], detail: string, { mendings }: Progress): void {
  for (const { key } of lost) {
    if (!mendings.has(key)) {
      mendings.set(key, { mended: false, detail });
    }
  }
}
