import { moveFilesScript } from '../../../src/cluster/placing/table-import.ts';
import type { Remote } from '../../../src/cluster/remote.ts';
import type { Clock } from '../../../src/flow/clock.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { Cluster, type ClusterMember } from '../cassandra/cluster.ts';
import { cqlsh } from '../cassandra/cqlsh.ts';
import { CassandraNode, serverUser } from '../cassandra/node.ts';
import { sstableloader } from '../cassandra/loader.ts';
import { nodetool } from '../cassandra/nodetool.ts';
import { enterWorld, trueTimeMs } from '../clock/interpose.ts';
import { ownProcess, SimulatedProcess } from '../clock/process.ts';
import { Random } from '../clock/random.ts';
import { VirtualTime } from '../clock/time.ts';
import type { Recorded } from '../../support/recorded.ts';
import { type SimulatedRemote, simulatedRemote } from '../host/remote.ts';
import { shortcutRemote } from '../shortcuts/remote.ts';
import { Truth } from '../oracle/truth.ts';
import type { RestoreDeed } from '../oracle/judge-meetings.ts';
import type { Fixing } from '../oracle/windows.ts';
import { Bucket } from '../store/bucket.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { Journal } from '../weather/journal.ts';
import { type NodeDeed, tellingDeeds } from '../weather/node-deeds.ts';
import { nodeLine } from '../weather/node-line.ts';
import { StoreWire, type WireParts } from '../weather/store-wire.ts';
import { Weather } from '../weather/weather.ts';
import { connectionError } from '../../../src/cluster/ssh/failure.ts';
import { type Surroundings, surroundWith } from './current-world.ts';
import type { Shape } from './shape.ts';

export const base = 'base';
export const startCommand = 'start-cassandra';
export const stopCommand = 'stop-cassandra';

/** A cluster, a bucket and hosts of operators, made from a seed, and what is true of them. */
export class World implements Surroundings {
  readonly time = new VirtualTime();
  readonly journal: Journal = new Journal(this.time);
  readonly truth = new Truth();
  readonly weather: Weather;
  readonly bucket: Bucket;
  readonly cluster: Cluster;
  readonly nodes: ReadonlyMap<string, CassandraNode>;
  readonly fixings: Fixing[] = [];
  readonly nodeDeeds: NodeDeed[] = [];
  /** What restores have done to nodes that is another's harm where they meet. */
  readonly restoreDeeds: RestoreDeed[] = [];
  /** When a server ended without having flushed, in true milliseconds. */
  readonly crashes: number[] = [];
  /** What nodetool, cqlsh and sstableloader are asked and have not ended: whoever asked may be dead. */
  #underWay = 0;
  readonly #lines = new Map<string, Set<SimulatedRemote>>();
  /** When processes of operators came to their end, and when they began, in true milliseconds. */
  readonly #endedMs = new Map<string, number>();
  readonly #begunMs = new Map<string, number>();
  readonly #processes: SimulatedProcess[] = [];
  readonly #shape: Shape;

  constructor(seed: number, shape: Shape) {
    this.#shape = shape;
    enterWorld({ time: this.time, random: new Random(seed, 'chance'), beginsAt: Date.parse('2026-11-21T03:00:00Z') });
    surroundWith(this);
    this.weather = new Weather(new Random(seed, 'weather'), shape.climate);
    this.bucket = new Bucket({
      conditions: shape.conditions,
      nowMs: () => this.time.nowMs,
      calendarMs: () => trueTimeMs() + shape.storeAheadMs,
    });
    this.nodes = new Map(shape.hosts.map((host, index) => [host, new CassandraNode(host, this.#clock(index), shape.diskBytes)]));
    const hosts = [...this.nodes].map(([host, { files }], index) => ({ host, files, aheadMs: shape.nodesAheadMs[index] ?? 0 }));
    this.cluster = new Cluster({ ...shape, hosts, nowMs: trueTimeMs });
    for (const member of this.cluster.members) {
      this.#install(member);
    }
  }

  /** A process of an operator, on a host of his. */
  process(host: string, aheadMs: number): SimulatedProcess {
    const process = new SimulatedProcess(host, 1000 + this.#processes.length, aheadMs);
    this.#processes.push(process);
    this.#begunMs.set(`${host}/${process.pid}`, this.time.nowMs);
    process.onKill(() => this.#endedMs.set(`${host}/${process.pid}`, this.time.nowMs));
    return process;
  }

  readonly begunMsOf = (name: string): number => this.#begunMs.get(name) ?? 0;

  /** Whether a process of an operator had not ended yet at a time. */
  readonly wasAlive = (name: string, atMs: number): boolean => atMs <= (this.#endedMs.get(name) ?? Infinity);

  isAlive(host: string, pid: number): boolean {
    return this.#processes.some((process) => process.host === host && process.pid === pid && !process.isDead);
  }

  async openStore(path: string): Promise<ObjectStore> {
    const process = ownProcess();
    if (process === undefined) {
      throw new Error('a store is opened by nobody');
    }
    return new MemoryStore(this.bucket, path, new StoreWire(`${process.host}/${process.pid}`, process, this.#wireParts));
  }

  async connect(name: string, signal: AbortSignal): Promise<Remote> {
    const process = ownProcess();
    const node =
      this.nodes.get(name) ?? [...this.nodes.values()][this.cluster.members.findIndex((each) => each.node.address === name)];
    if (process === undefined || node === undefined) {
      throw new Error(`there is no ${name}`);
    }
    await this.time.sleep(this.weather.travelMs() * 4, process);
    signal.throwIfAborted();
    if (!node.host.up) {
      throw connectionError({ host: name, port: 22, connectTimeoutSeconds: 10 }, name);
    }
    const member = this.cluster.members.find((each) => each.host === node.host.name);
    if (member === undefined) {
      throw new Error(`${name} is no member`);
    }
    const shortcuts = {
      name,
      files: node.files,
      nowMs: () => node.host.clock.now().getTime(),
      isUp: () => member.server.up,
      isOwners: this.#shape.login === serverUser,
      mayBreak: this.#shape.climate.steps > 0,
      lzop: this.#shape.lzop,
      program: (argv: readonly string[], input: string) => this.#programs(member).get(argv[0] ?? '')?.(argv.slice(1), input),
    };
    const remote = simulatedRemote(node.host, { user: this.#shape.login, name });
    const lines = this.#lines.get(node.host.name) ?? new Set();
    this.#lines.set(node.host.name, lines.add(remote));
    process.onKill(() => {
      remote.cut();
      lines.delete(remote);
    });
    const line = nodeLine(shortcutRemote(shortcuts, remote), process, { ...this.#wireParts, cut: () => remote.cut() });
    const by = `${process.host}/${process.pid}`;
    return tellingDeeds(line, (what) => this.nodeDeeds.push({ host: name, by, what, atMs: this.time.nowMs }));
  }

  /** Every connection to a node breaks. */
  cutLines(host: string): void {
    this.#lines.get(host)?.forEach((line) => line.cut());
  }

  /** Whether anything is under way on nodes that may still change what tables hold. */
  get isAtWork(): boolean {
    return (
      this.#underWay > 0 ||
      [...this.nodes.values()].some(({ host }) => host.processes.all().some(({ argv }) => argv.includes(moveFilesScript)))
    );
  }

  /** Stops a server: in good order, or as a crash does. */
  stop({ host, server }: ClusterMember): void {
    this.nodes.get(host)?.vanish();
    server.stop();
  }

  start({ host, node, server }: ClusterMember): void {
    if (!server.up) {
      this.nodes.get(host)?.appear(node.address);
      server.start();
    }
  }

  get #wireParts(): WireParts {
    const { time, weather, journal } = this;
    return { time, weather, journal };
  }

  #clock(index: number): Clock {
    const aheadMs = this.#shape.nodesAheadMs[index] ?? 0;
    return {
      now: () => new Date(trueTimeMs() + aheadMs),
      elapsedMs: () => this.time.nowMs,
      awakeOrAsleepMs: () => this.time.nowMs,
      sleep: async (milliseconds, _, signal) => {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          const cancel = this.time.after(milliseconds, resolve);
          const leave = (): void => {
            cancel();
            reject(signal.reason);
          };
          signal.addEventListener('abort', leave, { once: true });
        });
      },
    };
  }

  #install(member: ClusterMember): void {
    const { host, node } = member;
    const machine = this.nodes.get(host);
    if (machine === undefined) {
      return;
    }
    const [first] = this.cluster.members;
    machine.join();
    if (!this.#shape.lzop) {
      machine.host.programs.remove('lzop');
    }
    machine.configure(member, first?.node.address ?? '', this.#shape.incremental);
    machine.appear(node.address);
    for (const [name, program] of this.#programs(member)) {
      machine.host.programs.set(name, async (process) => {
        const input = name === 'cqlsh' ? await process.input() : '';
        const { stdout, stderr, status } = await program(process.argv.slice(1), input);
        await process.print(stdout);
        if (stderr !== '') {
          await process.complain(stderr.trimEnd());
        }
        return status;
      });
    }
    const loader = {
      cluster: this.cluster,
      member,
      streamMs: () => this.weather.travelMs() * 20,
      tell: (text: string) => this.journal.note(host, text),
    };
    machine.host.programs.set('sstableloader', (process) => this.#counted(() => sstableloader(process, loader)));
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }

  /** What a node has of programs beside those of the system. */
  #programs(member: ClusterMember): ReadonlyMap<string, (words: readonly string[], input: string) => Promise<Recorded>> {
    const { host } = member;
    const turn = async (what: 'starts' | 'stops'): Promise<Recorded> => {
      this.#didTo([host], what);
      await this.time.sleep(this.weather.travelMs() * 100 + (what === 'starts' ? this.#shape.startMs : 0));
      this.journal.note(host, what);
      this[what === 'starts' ? 'start' : 'stop'](member);
      return { stdout: '', stderr: '', status: 0 };
    };
    return new Map([
      ['nodetool', (words: readonly string[]) => this.#counted(() => this.#nodetool(member, words))],
      ['cqlsh', (_: readonly string[], input: string) => this.#counted(() => this.#cqlsh(member, input))],
      [stopCommand, () => turn('stops')],
      [startCommand, () => turn('starts')],
    ]);
  }

  async #nodetool(member: ClusterMember, words: readonly string[]): Promise<Recorded> {
    const { host } = member;
    const [verb = ''] = words;
    if (verb === 'import' || verb === 'drain') {
      this.#didTo([host], verb);
    }
    // A JVM starts.
    await this.time.sleep(400 + this.weather.travelMs() * 10);
    const answer = this.#onNode(member, () => nodetool(this.cluster, member, words, Date.now()));
    if (answer.status === 0 && (verb === 'snapshot' || verb === 'flush')) {
      const tag = verb === 'snapshot' ? words[2] : undefined;
      const sums = tag === undefined ? new Map() : member.server.snapshotSums(tag);
      this.fixings.push({ host, tag, atMs: this.time.nowMs, sums });
    }
    if (!reading.has(verb)) {
      this.journal.note(
        host,
        `nodetool ${words.join(' ')}${answer.status === 0 ? '' : ` fails: ${answer.stderr.split('\n')[0]}`}`,
      );
    }
    await this.time.sleep(this.weather.travelMs());
    return answer;
  }

  async #cqlsh(member: ClusterMember, input: string): Promise<Recorded> {
    await this.time.sleep(300 + this.weather.travelMs() * 10);
    const by = ownProcess();
    const changed = (statement: string): void => {
      this.journal.note(member.host, `cqlsh: ${statement.split('\n')[0]}`);
      const [, keyspace = '', name = ''] = /^TRUNCATE (?:TABLE )?"?(\w+)"?\."?(\w+)"?$/.exec(statement) ?? [];
      const table = this.cluster.schema.named(keyspace, name);
      if (table !== undefined) {
        this.#didTo([...this.nodes.keys()], 'TRUNCATE', by);
        this.truth.emptied(table.id, this.time.nowMs);
      }
    };
    return this.#onNode(member, () => cqlsh(this.cluster, member, input, changed));
  }

  #didTo(hosts: readonly string[], what: string, process = ownProcess()): void {
    const by = process === undefined ? 'nobody' : `${process.host}/${process.pid}`;
    this.restoreDeeds.push(...hosts.map((host) => ({ host, what, by, atMs: this.time.nowMs })));
  }

  /** Does something by a node's calendar. */
  #onNode<T>({ host }: ClusterMember, work: () => T): T {
    const index = this.#shape.hosts.indexOf(host);
    return new SimulatedProcess(host, 1, this.#shape.nodesAheadMs[index] ?? 0).run(work);
  }
}

const reading = new Set(['info', 'ring', 'status', 'describecluster', 'datapaths', 'statusbackup', 'listsnapshots']);
