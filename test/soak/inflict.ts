import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, FaultProxy } from '../support/fault-proxy.ts';
import { allowConnections, cutConnections, cutForGood, holdOn, release, withWrapper } from '../support/host-faults.ts';
import type { Ran, Running } from '../support/program.ts';
import { type Sandbox, onHost, runSandbox } from '../support/sandbox.ts';
import type { Trouble } from './trouble.ts';

/** Where commands meet their troubles: the proxy before the store, and the nodes. */
export interface Ground {
  readonly sandbox: Sandbox;
  readonly proxy: FaultProxy;
}

/** Runs a command while this happens to it. Afterwards everything is as before, but for what the command did. Also how often it happened. */
export async function inflict(ground: Ground, trouble: Trouble, start: () => Running): Promise<{ ran: Ran; times: number }> {
  if (trouble.kind === 'command killed at nodetool') {
    return killedAtNodetool(ground, trouble, start);
  }
  if (trouble.kind === 'nodetool fails') {
    const fails = `if ${once}; then echo "nodetool: it fails" >&2; exit 1; fi`;
    return wrapped(trouble.host, 'nodetool', `case " $* " in *" ${trouble.verb} "*) ${fails} ;; esac`, start);
  }
  if (trouble.kind === 'lzop dies') {
    return wrapped(trouble.host, 'lzop', `if ${once}; then head -c 1000; exit 1; fi`, start);
  }
  return throughProxy(ground, trouble, start);
}

type AtRequest = Exclude<Trouble, { readonly kind: 'command killed at nodetool' | 'nodetool fails' | 'lzop dies' }>;

async function throughProxy(
  { sandbox, proxy }: Ground,
  trouble: AtRequest,
  start: () => Running,
): Promise<{ ran: Ran; times: number }> {
  let [asked, times] = [0, 0];
  let running: Running | undefined;
  let deed: Promise<unknown> = Promise.resolve();
  const happens = (fault: Fault | undefined, work?: () => Promise<unknown>): Fault | undefined => {
    times += 1;
    deed = work?.() ?? deed;
    return fault;
  };
  proxy.spoil((method): Fault | undefined => {
    const counts = trouble.kind === 'upload cut' ? method === 'PUT' : trouble.kind === 'download cut' ? method === 'GET' : true;
    asked += counts ? 1 : 0;
    const isOne = counts && asked >= trouble.from && asked < trouble.from + ('count' in trouble ? trouble.count : 1);
    if (!isOne) {
      return undefined;
    }
    switch (trouble.kind) {
      case 'store answers 500':
        return happens({ status: 500, code: 'InternalError' });
      case 'store answers 503':
        return happens({ status: 503, code: 'SlowDown' });
      case 'answer of the store lost':
        return happens({ loseAnswer: true });
      case 'upload cut':
        return happens({ cutUploadAfter: trouble.bytes });
      case 'download cut':
        return happens({ cutDownloadAfter: trouble.bytes });
      case 'command killed': {
        const kill = (): void => void running?.child.kill(trouble.signal);
        if (!trouble.done) {
          kill();
        }
        return happens(trouble.done ? { loseAnswer: true, onLost: kill } : undefined);
      }
      case 'ssh cut':
        return happens(undefined, () => cutConnections(trouble.host));
      case 'ssh barred':
        return happens(undefined, () => cutForGood(trouble.host));
      case 'Cassandra killed':
      default:
        return happens(undefined, () => runSandbox(['kill', trouble.host]));
    }
  });
  try {
    running = start();
    return { ran: await running.done, times };
  } finally {
    proxy.spoil(() => undefined);
    await deed;
    if (trouble.kind === 'ssh barred') {
      await allowConnections(trouble.host);
    }
    if (trouble.kind === 'Cassandra killed' && times > 0) {
      await startAgain(sandbox, trouble.host);
    }
  }
}

/** Starts a node whose Cassandra does not run; what nodetool turned on is off after a start. */
export async function startAgain({ hosts }: Sandbox, host: string): Promise<void> {
  await runSandbox(['start', host]);
  await runSandbox(['up']);
  await Promise.all(hosts.map((each) => runSandbox(['nodetool', each, 'enablebackup'])));
}

async function killedAtNodetool(
  { sandbox }: Ground,
  { host, verb, done, signal }: Extract<Trouble, { kind: 'command killed at nodetool' }>,
  start: () => Running,
): Promise<{ ran: Ran; times: number }> {
  const hold = done ? `/usr/bin/nodetool "$@"; s=$?; ${holdOn}; exit $s` : holdOn;
  const script = `case " $* " in *" ${verb} "*) if mkdir /tmp/sstash-once 2>/dev/null; then ${hold}; fi ;; esac; exec /usr/bin/nodetool "$@"`;
  // A host's /tmp is a directory here.
  const state = dirname(sandbox.env['SSTASH_SSHKEY'] ?? '');
  const mark = join(state, `h${host.split('.').at(-1)}`, 'tmp/sstash-held');
  try {
    return await withWrapper(host, 'nodetool', script, async () => {
      const running = start();
      let isOver = false;
      const ended = running.done.finally(() => (isOver = true));
      let times = 0;
      while (!isOver && times === 0) {
        times = await access(mark).then(
          () => 1,
          () => 0,
        );
        await delay(50);
      }
      if (times > 0) {
        running.child.kill(signal);
        // What is interrupted may wait for the node.
        await Promise.race([ended, delay(1000)]);
        await release(host);
      }
      return { ran: await ended, times };
    });
  } finally {
    await onHost(host, 'rm -rf /tmp/sstash-once /tmp/sstash-held');
  }
}

const once = 'mkdir /tmp/sstash-once 2>/dev/null';

async function wrapped(host: string, name: string, script: string, start: () => Running): Promise<{ ran: Ran; times: number }> {
  try {
    const ran = await withWrapper(host, name, `${script}\nexec /usr/bin/${name} "$@"`, () => start().done);
    const happened = (await onHost(host, '[ ! -e /tmp/sstash-once ] || echo yes')).trim() === 'yes';
    return { ran, times: happened ? 1 : 0 };
  } finally {
    await onHost(host, 'rm -rf /tmp/sstash-once');
  }
}
