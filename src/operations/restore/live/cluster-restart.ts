import type { Listen } from '../../../model/events.ts';
import { BackupError, reasonOf } from '../../../model/errors.ts';
import {
  type Drain,
  defaultService,
  isRunning,
  startServer,
  stopServer,
  waitUntilSeen,
  waitUntilUp,
} from '../../../cluster/tools/service.ts';
import type { Member } from '../../nodes/members.ts';
import { settled } from '../../../flow/side-by-side.ts';

export interface RestartOptions {
  /** Shell text; systemctl or service when absent. */
  readonly stopCommand?: string | undefined;
  readonly startCommand?: string | undefined;
  /** How long a node may take to be up again. */
  readonly startTimeoutSeconds: number;
}

/**
 * Stops Cassandra on all of them, side by side, and makes sure that none runs. Throws the first failure; a server that
 * cannot be flushed is one where it must. Gives those that were down already.
 */
export async function stopAll(
  members: readonly Member[],
  { stopCommand = defaultService.stop, drain }: RestartOptions & { readonly drain: Drain },
  listen: Listen,
  signal: AbortSignal,
): Promise<readonly Member[]> {
  listen({ type: 'step', text: `stopping Cassandra on ${hostsOf(members)}` });
  const were = await settled(
    members.map(async (member) => {
      const { host } = member;
      const was = await stopServer(member, stopCommand, drain, signal);
      if (was === 'undrained') {
        const text = `${host}: stopped without nodetool drain, since it gave no answer: what its commit log holds of other tables is moved aside unread`;
        listen({ type: 'warning', host, text });
      }
      return was;
    }),
  );
  const running = await Promise.all(members.map((member) => isRunning(member, signal)));
  const still = members.find((_, index) => running[index]);
  if (still !== undefined) {
    throw new BackupError(`${still.host}: Cassandra runs again; something starts it`, { hint: 'keep it down and try again' });
  }
  return members.filter((_, index) => were[index] === 'down');
}

/**
 * Starts all of them and waits until each is up. First a seed alone, since others do not come up without one; and when it
 * does not come up either, the others stay as they are. Gives what became of each that is not up.
 */
export async function startAll(
  members: readonly Member[],
  options: RestartOptions,
  listen: Listen,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { startCommand = defaultService.start, startTimeoutSeconds } = options;
  const failures = new Map<string, string>();
  const up: string[] = [];
  const attempt = async ({ host }: Member, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      failures.set(host, reasonOf(error));
    }
  };
  const start = (member: Member): Promise<void> =>
    attempt(member, async () => {
      await startServer(member.remote, startCommand, signal);
      up.push(await waitUntilUp(member, startTimeoutSeconds, signal));
    });
  const [first, ...others] = seedsFirst(members);
  if (first === undefined) {
    return failures;
  }
  listen({ type: 'step', text: `starting Cassandra on ${first.host}` });
  await start(first);
  if (failures.size > 0) {
    for (const { host } of others) {
      failures.set(host, `not started, since ${first.host} did not come up`);
    }
    return failures;
  }
  if (others.length > 0) {
    listen({ type: 'step', text: `starting Cassandra on ${hostsOf(others)}` });
    await Promise.all(others.map(start));
  }
  const started = members.filter(({ host }) => !failures.has(host));
  await Promise.all(started.map((member) => attempt(member, () => waitUntilSeen(member, up, startTimeoutSeconds, signal))));
  return failures;
}

function seedsFirst(members: readonly Member[]): readonly Member[] {
  return [...members.filter(isSeed), ...members.filter((member) => !isSeed(member))];
}

function isSeed({ host, config }: Member): boolean {
  return config.seeds.some((seed) => seed === host || seed === config.listenAddress);
}

function hostsOf(members: readonly Member[]): string {
  return members.map(({ host }) => host).join(', ');
}
