import { type FoundOnNode, lookForRemains } from '../../cluster/leftovers/node-remains.ts';
import type { Survey } from '../../model/backup/backup.ts';
import { reasonOf } from '../../model/errors.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';
import { judgeLock, judgeNode, judgeStored, unmetWishes } from '../../model/retention/leftovers/judge.ts';
import type { Leftover } from '../../model/retention/leftovers/leftover.ts';
import { readLock } from '../../storage/lock/format.ts';
import { eachNode } from '../nodes/each-node.ts';
import { discoverHosts, type Member, type Members, openMembers } from '../nodes/members.ts';
import type { LeftoverOptions, LeftoverParts, Leftovers } from './options.ts';
import { lookInStore } from './stored.ts';

/** Finds out what runs that are over have left on nodes and in the location, and what of it is safe to remove. Touches nothing. */
export async function leftovers(options: LeftoverOptions, parts: LeftoverParts, signal: AbortSignal): Promise<Leftovers> {
  const { location, found, absent, warnings } = await findLeftovers(
    await openNodes(options, parts, signal),
    options,
    parts,
    signal,
  );
  return { location, found, absent, warnings };
}

/** Those that are named, or the cluster of the seed. No node where neither is given. Throws when not one can be reached. */
export async function openNodes(options: LeftoverOptions, parts: LeftoverParts, signal: AbortSignal): Promise<Members> {
  const { seed } = options;
  if (options.hosts.length === 0 && seed === undefined) {
    return { present: [], absent: [] };
  }
  parts.listen({ type: 'step', text: 'connecting' });
  const hosts = seed === undefined ? options.hosts : await discoverHosts(seed, parts, signal);
  return openMembers(hosts, false, parts, signal);
}

/** What was found, with what is needed to find it again. */
export interface FoundLeftovers extends Leftovers {
  readonly remains: ReadonlyMap<Member, FoundOnNode>;
  readonly survey: Survey;
}

/** Throws whatever the store throws: without it nobody can tell what belongs to what. A node that fails is named. */
export async function findLeftovers(
  { present, absent }: Members,
  { wish }: LeftoverOptions,
  { repository, listen }: LeftoverParts,
  signal: AbortSignal,
): Promise<FoundLeftovers> {
  listen({ type: 'step', text: 'looking for what was left behind' });
  const { store } = repository;
  const { done, failed } = await eachNode(
    present,
    { parallel: unlimited, listen },
    (member) => lookForRemains(member, signal),
    signal,
  );
  // After the nodes: a run that began meanwhile had its mark before its first snapshot.
  const survey = await repository.ofAll.survey(signal);
  const now = await repository.now(signal);
  const known = { locationId: store.locationId, survey, now };
  const remains = new Map(present.flatMap((member) => withFound(member, done)));
  const lock = await readLock(store, signal);
  const found: readonly Leftover[] = [
    ...[...remains].flatMap(([{ host, info }, each]) => judgeNode({ ...each, host, hostId: info?.hostId }, known, wish)),
    ...(lock === undefined ? [] : [judgeLock(lock, new Date())]),
    ...(await lookInStore(repository, survey, now, signal)).map(judgeStored),
  ];
  const away = [...absent.map(({ host, error }) => [host, error] as const), ...failed];
  return {
    location: store.url,
    remains,
    survey,
    found,
    absent: away.map(([host, error]) => ({ host, reason: reasonOf(error) })),
    warnings: [
      ...(present.length + absent.length === 0 ? ['no nodes are named: only the location was looked at'] : []),
      ...survey.damaged.map(({ id, reason }) => `what belongs to ${id} is left alone, which cannot be read: ${reason}`),
      ...unmetWishes(found, wish),
    ],
  };
}

function withFound(member: Member, done: ReadonlyMap<string, FoundOnNode>): readonly (readonly [Member, FoundOnNode])[] {
  const found = done.get(member.host);
  return found === undefined ? [] : [[member, found]];
}
