/**
 * Every command with a store that fails or lies: commands, options and the S3 side are the program's own, the server is a real one behind
 * a proxy that spoils its answers, the nodes are scripted. Afterwards the exit code must have been true, nothing that a backup needs may be
 * gone, the same command must do its work once all is well, and nothing may be left that nobody names.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { type TestContext, after, before, describe, test } from 'node:test';
import { objectsBelow } from '../support/bucket.ts';
import { type Decide, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import { type Ran, type Values, redirectDoors, runCommandOn } from '../support/scripted-program.ts';
import { type StoreFault, isListing, lasting, lying, passing } from '../support/store-faults.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { never } from '../support/never.ts';

// What is imported from here on reaches scripted nodes.
redirectDoors();
const { LzoPool } = await import('../../src/codec/lzo/pool.ts');
const { BackupError } = await import('../../src/model/errors.ts');
const { isDamage } = await import('../../src/model/verify/verify-plan.ts');
const { verify } = await import('../../src/operations/verify/verify.ts');
const { Repository } = await import('../../src/storage/backups/repository.ts');
const { openDirectoryStore } = await import('../../src/storage/directory/directory.ts');
const { orders, scriptedCluster, users } = await import('../support/scripted-cluster.ts');
const { RestoreStory } = await import('../support/scripted-restore.ts');

/** With a number in SSTASH_FAULT_POINTS every command meets every fault, and those that last begin at so many points of it. */
const wide = process.env['SSTASH_FAULT_POINTS'];
const skip = missing(versityGateway, 'scripts/fetch-versitygw') ?? false;
let server: S3Server;

before(async () => {
  if (skip === false) {
    server = await startVersityGateway();
  }
});
after(() => server?.stop());

/** A cluster of one node, its location in a bucket, and whoever runs commands there. */
class Place {
  readonly proxy: FaultProxy;
  readonly target: string;
  readonly base: string;
  readonly cluster: Awaited<ReturnType<typeof scriptedCluster>>;
  #generation = 1;
  readonly #pool: InstanceType<typeof LzoPool>;

  constructor(parts: Pick<Place, 'proxy' | 'target' | 'base' | 'cluster'>, pool: InstanceType<typeof LzoPool>) {
    ({ proxy: this.proxy, target: this.target, base: this.base, cluster: this.cluster } = parts);
    this.#pool = pool;
  }

  /** The directory that holds the location's objects. */
  get objects(): string {
    return join(server.objects, this.base);
  }

  async run(name: string, values: Values, signal = never): Promise<Ran> {
    const { accessKeyId, secretAccessKey } = server.credentials;
    const all = {
      location: `s3://${server.bucket}/${this.base}`,
      endpoint: this.proxy.endpoint,
      'aws-access-key-id': accessKeyId,
      'aws-secret-access-key': secretAccessKey,
      hosts: this.cluster.hosts,
      'stop-cmd': 'stop-cassandra',
      'start-cmd': 'start-cassandra',
      yes: true,
      transfer: 'relay',
      ...values,
    };
    return runCommandOn(async (host) => this.cluster.node(host).remote, name, all, signal);
  }

  async done(name: string, values: Values): Promise<Ran> {
    const ran = await this.run(name, values);
    assert.equal(ran.code, 0, `${name}: ${ran.said} ${JSON.stringify(ran.json)}`);
    return ran;
  }

  /** Something new on the node, and a backup of it. */
  async backUp(): Promise<string> {
    this.#generation += 1;
    await this.cluster.nodes[0]?.writeSSTable(users, this.#generation);
    const { json } = await this.done('backup', backup);
    return idOf(json);
  }

  /** Ids of the backups that are there, and of runs that are not finished, oldest first. */
  async ids(): Promise<readonly string[]> {
    const repository = new Repository(await openDirectoryStore(this.objects));
    return (await repository.backups(never)).map(({ id }) => id).toSorted();
  }

  /** What is wrong with what the location holds, every object read, not through the proxy. */
  async damage(): Promise<readonly string[]> {
    const parts = {
      repository: new Repository(await openDirectoryStore(this.objects)),
      pool: this.#pool,
      listen: () => undefined,
    };
    const { problems } = await verify({ backup: 'all', sample: { percent: 100, seed: '1' }, transfers: 4 }, parts, never);
    return problems.filter(isDamage).map((problem) => JSON.stringify(problem));
  }

  /** After a prune and a backup: what still lies in the location and on the node that no backup names. */
  async leftovers(): Promise<readonly string[]> {
    await this.done('clear', {});
    await this.done('backup', backup);
    await this.done('prune', { 'keep-last': 1, grace: '0h', 'stale-after': '0h' });
    const { json } = await this.done('verify', { all: true });
    assert.match(JSON.stringify(json), /"problems":\[\]/);
    const keys = [...(await objectsBelow(this.objects)).keys()];
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
    return [
      ...keys.filter((key) => /^lock|^reading|in-progress|draft/.test(key)),
      ...Uploads.map(({ Key }) => Key ?? '').filter((key) => key.startsWith(this.base)),
      ...((await this.cluster.nodes[0]?.snapshots()) ?? []),
    ];
  }
}

async function placeFor(t: TestContext): Promise<Place> {
  const proxy = await startFaultProxy(server.endpoint);
  t.after(() => proxy.stop());
  const cluster = await scriptedCluster(t);
  void new RestoreStory(cluster);
  const pool = new LzoPool({ threads: 1 });
  t.after(() => pool.close());
  const place = new Place({ proxy, target: await temporaryDirectory(t), base: randomBytes(6).toString('hex'), cluster }, pool);
  await place.done('backup', backup);
  await place.backUp();
  return place;
}

function idOf(json: unknown): string {
  return typeof json === 'object' && json !== null && 'id' in json ? String(json.id) : assert.fail('no id');
}

const backup = { 'new-snapshot': true, compression: 'none' };

interface Deed {
  readonly command: string;
  /** Once, before anything goes wrong. */
  readonly prepare?: (place: Place) => Promise<void>;
  readonly values: (place: Place) => Promise<Values>;
  /** What is so when it was done, whatever the store said meanwhile. */
  readonly isDone?: (place: Place, values: Values) => Promise<boolean>;
  /** Exit codes of one that finds its work done. */
  readonly again?: readonly number[];
  /** It asks the store for nothing that others do not ask for: only in a wide run. */
  readonly isLikeOthers?: boolean;
}

const live = { keyspaces: ['shop'], truncate: true };

const deeds: Readonly<Record<string, Deed>> = {
  backup: {
    command: 'backup',
    // One file goes in parts: more than 8 MiB.
    prepare: async ({ cluster }) => cluster.nodes[0]?.writeSSTable(orders, 7, 9 * 1024 ** 2),
    values: async () => ({ ...backup, 'self-contained': true }),
  },
  list: { command: 'list', values: async () => ({}), isLikeOthers: true },
  show: { command: 'show', values: async () => ({ backup: 'latest' }) },
  files: { command: 'files', values: async () => ({ backup: 'latest' }), isLikeOthers: true },
  verify: { command: 'verify', values: async () => ({ all: true, 'read-data': '' }) },
  'verify --repair': {
    command: 'verify',
    values: async (place) => {
      const keys = [...(await objectsBelow(place.objects)).keys()].filter((key) => key.endsWith('-Data.db')).toSorted();
      await rm(join(place.objects, keys.at(-1) ?? assert.fail('no object')));
      return { all: true, repair: true };
    },
  },
  'restore --method import': { command: 'restore', values: async () => ({ backup: 'latest', method: 'import', ...live }) },
  'restore --method load': {
    command: 'restore',
    values: async () => ({ backup: 'latest', method: 'load', ...live }),
    isLikeOthers: true,
  },
  'restore --method node-restart': {
    command: 'restore',
    values: async () => ({ backup: 'latest', keyspaces: ['shop'], method: 'node-restart' }),
  },
  'restore --to': {
    command: 'restore',
    values: async (place) => {
      const to = join(place.target, randomBytes(4).toString('hex'));
      return { backup: 'latest', method: 'stage', to };
    },
    isDone: async (_, { to }) => (await filesIn(String(to))).filter((name) => !name.startsWith('.')).length >= 15,
  },
  download: {
    command: 'download',
    values: async (place) => ({ backup: 'latest', to: join(place.target, randomBytes(4).toString('hex')) }),
    isDone: async (_, { to }) => (await filesIn(String(to))).filter((name) => !name.startsWith('.')).length >= 15,
  },
  'schema show': { command: 'schema', values: async () => ({ action: 'show', backup: 'latest' }), isLikeOthers: true },
  'schema apply': { command: 'schema', values: async () => ({ action: 'apply', backup: 'latest' }), isLikeOthers: true },
  mapping: { command: 'mapping', values: async () => ({ backup: 'latest' }), isLikeOthers: true },
  delete: {
    command: 'delete',
    values: async (place) => {
      const [oldest = assert.fail('no backup')] = await place.ids();
      await place.backUp();
      return { backups: [oldest], now: true };
    },
    isDone: async (place, { backups }) => !(await place.ids()).includes(String(backups)),
    again: [0, 10],
  },
  prune: {
    command: 'prune',
    values: async (place) => {
      await place.backUp();
      return { 'keep-last': 1, grace: '0h' };
    },
    isDone: async (place) => (await place.ids()).length === 1,
  },
  clear: { command: 'clear', values: async () => ({}) },
  unlock: { command: 'unlock', values: async () => ({}) },
};

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** How many requests, and how many listings, a command sends when all is well. */
async function requestsOf(place: Place, { command, values }: Deed): Promise<{ readonly all: number; readonly listings: number }> {
  const wanted = await values(place);
  let all = 0;
  let listings = 0;
  place.proxy.spoil((_, path) => {
    all += 1;
    listings += isListing(path) ? 1 : 0;
    return undefined;
  });
  await place.done(command, wanted);
  return { all, listings };
}

/** Some points of a command, from its first request to its last; one, that differs by `turn`, unless it is gone about widely. */
function pointsOf(most: number, turn: number): readonly number[] {
  const count = Number(wide ?? 1);
  const all = Array.from({ length: count }, (_, index) => Math.floor((index * (most - 1)) / Math.max(1, count - 1)));
  return wide === undefined ? [(turn * 5) % most] : [...new Set(all)];
}

/** A fault at a point of the command, or what the one who runs it does there. */
interface Blow {
  readonly title: string;
  readonly fault: StoreFault | 'interrupt';
  readonly point: number;
}

async function strike(place: Place, deed: Deed, { title, fault, point }: Blow): Promise<Ran> {
  const { command, values, isDone, again = [0] } = deed;
  const wanted = await values(place);
  const log: string[] = [];
  const stop = new AbortController();
  const decide = fault === 'interrupt' ? interruptingAt(point, stop) : fault(point);
  place.proxy.spoil((method, path, headers) => {
    const found = decide(method, path, headers);
    log.push(`${found === undefined ? ' ' : '!'} ${method} ${path.replaceAll(/X-Amz-[^&]*&?/g, '')}`);
    return found;
  });
  const ran = await place.run(command, wanted, stop.signal);
  place.proxy.spoil(() => undefined);
  const told = `${title}, ${point}: exit code ${ran.code}\n${ran.said}\n${log.join('\n')}\n`;
  assert.equal(ran.defect, undefined, `${told}${ran.defect instanceof Error ? ran.defect.stack : ''}`);
  assert.ok(ran.code === 0 || ran.said !== '' || ran.json !== undefined, `nothing was said: ${told}`);
  // What is to be mended is damaged until it is.
  if (wanted['repair'] !== true) {
    assert.deepEqual(await place.damage(), [], `something is lost: ${told}`);
  }
  // What a listing leaves out nobody knows of.
  if (ran.code === 0 && isDone !== undefined && !title.includes('listing')) {
    assert.ok(await isDone(place, wanted), `it is not done: ${told}`);
  }
  if (ran.code !== 0 || wanted['repair'] === true) {
    const second = await place.run(command, wanted);
    assert.ok(again.includes(second.code), `again, and exit code ${second.code}: ${second.said}; first ${told}`);
    assert.deepEqual(await place.damage(), [], `something is lost by the second: ${told}`);
  }
  return ran;
}

function interruptingAt(point: number, stop: AbortController): Decide {
  let count = 0;
  return () => {
    count += 1;
    if (count === point + 1) {
      stop.abort(new BackupError('interrupted'));
    }
    return undefined;
  };
}

describe('a store that fails or lies', { skip, concurrency: 2 }, () => {
  const due = Object.entries(deeds).filter(([, { isLikeOthers }]) => wide !== undefined || isLikeOthers !== true);
  for (const [index, [name, deed]] of due.entries()) {
    test(`${name} tells the truth, loses nothing, and does its work when all is well again`, async (t) => {
      const place = await placeFor(t);
      await deed.prepare?.(place);
      const { all, listings } = await requestsOf(place, deed);
      let turn = index;
      const isDue = (): boolean => (turn += 1) % 3 === 0 || wide !== undefined;
      const struck = new Map<string, string>();
      const blow = async (each: Blow): Promise<Ran> => {
        const ran = await strike(place, deed, each);
        struck.set(each.title, `${struck.get(each.title) ?? ''} ${ran.code}`);
        return ran;
      };
      for (const [title, fault] of Object.entries(passing).filter(isDue)) {
        const { code, said } = await blow({ title, fault, point: 0 });
        assert.equal(code, 0, `${title}: ${said}`);
      }
      for (const [title, fault] of Object.entries(lasting).filter(isDue)) {
        for (const point of pointsOf(title.startsWith('one listing') ? listings : all, turn)) {
          await blow({ title, fault, point });
        }
      }
      for (const [title, fault] of Object.entries(lying).filter(isDue)) {
        await blow({ title, fault, point: 0 });
      }
      for (const point of pointsOf(all, turn)) {
        const { code } = await blow({ title: 'an interrupt', fault: 'interrupt', point });
        assert.ok([0, 130].includes(code), `interrupted at ${point}: ${code}`);
      }
      assert.deepEqual(await place.leftovers(), []);
      t.diagnostic([...struck].map(([title, codes]) => `${title}:${codes}`).join('; '));
    });
  }
});
