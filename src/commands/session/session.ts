import type { Arguments } from '../../cli/arguments.ts';
import type { CommandContext } from '../../cli/run.ts';
import { rootShell } from '../../cluster/ssh/root-shell.ts';
import { type LzoPool, openLzoPool } from '../../codec/lzo/pool.ts';
import type { ChooseTransfers, Member } from '../../operations/nodes/members.ts';
import { Repository } from '../../storage/backups/repository.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import { perDatacenter } from '../options.ts';
import { modeOf, openTransfers } from './transfer.ts';
import { type NodeSession, openNodes, sshOptions } from './nodes.ts';
import { openStore } from './store.ts';
import { trustOf } from './trust.ts';

/** The one wiring place: options → connections, repository, transfer. `close` closes whatever was opened. */
export interface Session extends NodeSession {
  readonly repository: Repository;
  readonly pool: LzoPool;
  readonly chooseTransfers: ChooseTransfers;
  readonly transferFor: (members: readonly Member[], store: ObjectStore, signal: AbortSignal) => Promise<Transfer>;
  /** The local ssh command that runs a script from standard input on the host as the user who owns the files. */
  readonly shellFor: (host: string) => string;
}

/** Nodes and a location, and nothing that moves files. */
export type ClusterSession = NodeSession & Pick<Session, 'repository'>;

/** For commands that compare a backup with a cluster. Opens the location at once, hosts on demand. */
export async function openCluster(args: Arguments, context: CommandContext): Promise<ClusterSession> {
  // What is wrong with options is said before anything is asked.
  const nodes = openNodes(args, context.listen);
  const repository = await openRepository(args, context);
  return {
    ...nodes,
    repository,
    close: async () => {
      await Promise.allSettled([repository.store.close(), nodes.close()]);
    },
  };
}

/** What a session is for: whether nodes will send objects, and whether a directory may be made for a location that is new. */
export interface Purpose {
  readonly writes?: boolean;
  readonly create?: boolean;
}

/** Opens the location at once (a wrong one must be noticed before anything is done), hosts and threads on demand. */
export async function openSession(
  args: Arguments,
  context: CommandContext,
  { writes = false, create = false }: Purpose = {},
): Promise<Session> {
  const trust = await trustOf(args);
  const nodes = openNodes(args, context.listen);
  const store = await openStore(args, context, create);
  const pool = openPool(args);
  const transfers = openTransfers({
    store,
    pool,
    listen: context.listen,
    rate: perDatacenter(args, 'rate-limit'),
    niceness: args.number('nice', 0, 19),
    mode: modeOf(args.text('transfer')),
    needsLzop: args.text('compression') !== 'none',
    writes,
    sha256: trust.keys.length > 0,
  });
  return {
    repository: new Repository(store, trust),
    programs: nodes.programs,
    pool,
    connect: nodes.connect,
    chooseTransfers: transfers.chooseTransfers,
    transferFor: transfers.transferFor,
    shellFor: (host) => rootShell({ ...sshOptions(args), host }),
    close: async () => {
      await Promise.allSettled([transfers.close()]);
      await Promise.allSettled([pool.close(), store.close(), nodes.close()]);
    },
  };
}

/** A location and what decodes its files. */
export type StoreSession = Pick<Session, 'repository' | 'pool' | 'close'>;

/** For commands that bring files to this host: no node. */
export async function openStored(args: Arguments, context: CommandContext): Promise<StoreSession> {
  const trust = await trustOf(args);
  const store = await openStore(args, context, false);
  const pool = openPool(args);
  const close = async () => {
    await Promise.allSettled([pool.close(), store.close()]);
  };
  return { repository: new Repository(store, trust), pool, close };
}

function openPool(args: Arguments): LzoPool {
  const threads = args.number('threads', 0);
  return openLzoPool(threads === 0 ? {} : { threads });
}

/** For commands that only read the location: no host, no threads. */
export async function openRepository(args: Arguments, context: CommandContext): Promise<Repository> {
  const trust = await trustOf(args);
  return new Repository(await openStore(args, context, false), trust);
}
