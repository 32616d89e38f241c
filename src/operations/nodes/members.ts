import { openFiles } from '../../cluster/files/as-owner.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import { BackupError, reasonOf, UsageError } from '../../model/errors.ts';
import { type NodeConfig, placesOf, readNodeConfig } from '../../cluster/tools/node-config.ts';
import { trustedWays } from '../../cluster/tools/node-ways.ts';
import { type NodeProbe, probeNode } from '../../cluster/tools/node-probe.ts';
import { runningDirectories } from '../../cluster/cql/running-directories.ts';
import { dataOwnerOf } from '../../model/node/ownership.ts';
import { withRunning } from '../../model/node/data-directories.ts';
import type { NodeInfo } from '../../cluster/tools/nodetool-output.ts';
import { nodeInfo } from '../../cluster/tools/nodetool.ts';
import type { Remote } from '../../cluster/remote.ts';
import type { Programs } from '../../cluster/tools/run-tool.ts';
import { scyllaPrograms } from '../../cluster/tools/scylla-server.ts';
import { type Topology, readTopology } from '../../cluster/tools/topology.ts';
import type { Listen } from '../../model/events.ts';
import { firstAnswer } from './first-answer.ts';
import { whyDown } from './why-down.ts';
import type { TransferChoice } from '../../transfer/choice.ts';

/** A node that answers: who it is and what it has. */
export interface Member extends ClusterNode {
  readonly host: string;
  /** What was found on the host: its programs, the room on its disks. */
  readonly probe: NodeProbe;
  /** Undefined when Cassandra is down there and the operation can do without. */
  readonly info: NodeInfo | undefined;
}

/** A node that the operation has to go without, and why. */
export interface Absent {
  readonly host: string;
  readonly error: unknown;
}

export interface Members {
  readonly present: readonly Member[];
  readonly absent: readonly Absent[];
}

/** How each member's bytes will travel; found out without touching anything. */
export type ChooseTransfers = (members: readonly Member[], signal: AbortSignal) => Promise<ReadonlyMap<Member, TransferChoice>>;

export interface MemberParts {
  /** Opens a connection; whoever made it closes it. */
  readonly connect: (host: string, signal: AbortSignal) => Promise<Remote>;
  readonly programs: Programs;
  readonly listen: Listen;
}

/** Connects to every host side by side. Throws the first error when not one answers. */
export async function openMembers(
  hosts: readonly string[],
  needCassandra: boolean,
  parts: MemberParts,
  signal: AbortSignal,
): Promise<Members> {
  const present: Member[] = [];
  const absent: Absent[] = [];
  await Promise.all(
    hosts.map(async (host) => {
      parts.listen({ type: 'node', host, state: 'connecting' });
      try {
        present.push(await openMember(host, needCassandra, parts, signal));
      } catch (error) {
        absent.push({ host, error });
      }
    }),
  );
  signal.throwIfAborted();
  const [first] = absent;
  if (present.length === 0 && first !== undefined) {
    throw first.error;
  }
  for (const { host, error } of absent) {
    parts.listen({ type: 'node', host, state: 'failed', detail: reasonOf(error) });
  }
  const order = (a: { readonly host: string }, b: { readonly host: string }) => hosts.indexOf(a.host) - hosts.indexOf(b.host);
  return { present: distinct(present.toSorted(order)), absent: absent.toSorted(order) };
}

/** The hosts of the cluster that `seed` belongs to: itself by the name given, the others by their ring addresses. */
export async function discoverHosts(seed: string, parts: MemberParts, signal: AbortSignal): Promise<readonly string[]> {
  const member = await openMember(seed, true, parts, signal);
  const topology = await readTopology(member, signal);
  const others = topology.ring.nodes.filter((node) => node.hostId !== member.info?.hostId).map((node) => node.address);
  return [seed, ...others];
}

/** Whether nodes of this cluster are of ScyllaDB; all are, then. */
export function isScylla({ present }: Members): boolean {
  return present.some(({ config }) => config.flavour === 'scylla');
}

/** What the first member that can say it says of the cluster. */
export async function clusterTopology(members: readonly Member[], signal: AbortSignal): Promise<Topology> {
  const none = new BackupError('no node can say what the cluster looks like');
  const topology = await firstAnswer(members, (member) => readTopology(member, signal), none, signal);
  return withReleases(topology, members);
}

/** Of a Scylla node only the node itself knows the version. */
function withReleases(topology: Topology, members: readonly Member[]): Topology {
  const releases = new Map(
    members.flatMap(({ info, config: { release } }) =>
      info === undefined || release === undefined ? [] : [[info.hostId, release]],
    ),
  );
  const nodes = topology.ring.nodes.map((node) => {
    const version = releases.get(node.hostId);
    return version === undefined ? node : { ...node, version };
  });
  return { ...topology, ring: { ...topology.ring, nodes } };
}

async function openMember(host: string, needCassandra: boolean, parts: MemberParts, signal: AbortSignal): Promise<Member> {
  const remote = await parts.connect(host, signal);
  const read = await readNodeConfig(remote, parts.programs, signal);
  const programs = read.flavour === 'scylla' ? await scyllaPrograms(remote, parts.programs, signal) : parts.programs;
  const config = await runningConfig({ remote, programs, config: read }, parts.listen, signal);
  const files = await openFiles(remote, config, signal);
  const [probe, info] = await Promise.all([
    probeNode(files, config.dataDirectories, signal),
    nodeInfo({ remote, programs, config }, signal).catch(async (error: unknown) => {
      if (needCassandra) {
        throw await whyDown({ files, config }, error, signal);
      }
      return undefined;
    }),
  ]);
  return { host, remote, files, programs, config, probe, info };
}

/** What the server works with; `edited` stays where the file was changed after it had started and it does not say. */
async function runningConfig(node: Omit<ClusterNode, 'files'>, listen: Listen, signal: AbortSignal): Promise<NodeConfig> {
  const { host } = node.remote;
  for (const text of node.config.doubts ?? []) {
    listen({ type: 'warning', host, text: `${host}: ${text}` });
  }
  const running = node.config.edited === true ? await runningDirectories(node, signal) : undefined;
  const config = running === undefined ? node.config : withRunning(node.config, running);
  if (config.comingDirectories === undefined) {
    return config;
  }
  const { directories } = await trustedWays(node.remote, placesOf(config, []), signal);
  const text = `${host}: ${config.path} was changed after the server had started, which works with ${config.dataDirectories.join(', ')} until it is started anew; the file has ${config.comingDirectories.join(', ')}`;
  listen({ type: 'warning', host, text });
  return { ...config, dataUser: dataOwnerOf(directories)?.uid };
}

/** Two names for one node would back it up twice. */
function distinct(members: readonly Member[]): readonly Member[] {
  const seen = new Map<string, string>();
  for (const { host, info } of members) {
    const other = info === undefined ? undefined : seen.get(info.hostId);
    if (info !== undefined && other !== undefined) {
      throw new UsageError(`${other} and ${host} are the same node (host id ${info.hostId})`, { hint: 'name each node once' });
    }
    if (info !== undefined) {
      seen.set(info.hostId, host);
    }
  }
  return members;
}
