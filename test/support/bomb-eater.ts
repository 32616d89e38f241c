/** A process of its own that takes in one bomb, and prints what came of it and how much memory it had at most: `node bomb-eater.ts manifest`. */
import { openLzoPool } from '../../src/codec/lzo/pool.ts';
import { messageOf } from '../../src/model/errors.ts';
import { outputOf } from '../../src/cluster/remote.ts';
import { joinPages } from '../../src/storage/backups/joined-pages.ts';
import { everyTable, manifestPages } from '../../src/storage/backups/node-manifest-format.ts';
import { Repository } from '../../src/storage/backups/repository.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { plainBytes } from '../../src/transfer/fetch.ts';
import { blankBomb, gzipBomb, lzopBomb } from './bombs.ts';
import { collect } from './lzop.ts';
import { storedOf } from './manifests.ts';
import { never } from './never.ts';

const mebibyte = 1024 ** 2;
const name = 'b1/node1/manifest.json.gz';

/** A store that gives the same bytes under every key, and lists nothing. */
function storeOf(bytes: () => Iterable<Uint8Array>): ObjectStore {
  const get = async function* (): AsyncGenerator<Uint8Array> {
    yield* bytes();
  };
  async function* list(): AsyncGenerator<never> {}
  // Nothing else is asked for.
  return { url: 'file:///bombs', get, list } as unknown as ObjectStore;
}

function* blanks(mebibytes: number): Generator<Uint8Array> {
  for (let number = 0; number < mebibytes; number += 1) {
    yield Buffer.alloc(mebibyte, ' ');
  }
}

async function* endless(): AsyncGenerator<Uint8Array> {
  yield* blanks(1024 ** 2);
}

const head = `{"format":1,"backup":"b1","kind":"snapshot","host":"node1","node":{"hostId":"i","address":"a","dc":"d","rack":"r","tokens":[],"state":"UN"},"cassandra":"5.0","snapshot":"s","takenAt":"2026-11-21T03:15:00.000Z","dataDirectories":[],"tables":[\n`;

const bombs: Readonly<Record<string, () => Promise<unknown>>> = {
  blanks: () => joinPages(manifestPages(blankBomb(), name, everyTable)),
  lines: async () => {
    const bodies = [gzipBomb(head, 1), gzipBomb(`{"keyspace":"k${'\n'.repeat(64 * mebibyte)}`, 40)];
    return joinPages(manifestPages(Buffer.concat(bodies), name, everyTable));
  },
  passed: async () => {
    const table = `{"keyspace":"k","table":"t","id":"${'0'.repeat(32)}","files":[`;
    const bodies = [gzipBomb(`${head}${table}`, 1), gzipBomb(' '.repeat(64 * mebibyte), 40)];
    return joinPages(manifestPages(Buffer.concat(bodies), name, () => false));
  },
  lists: async () => joinPages(manifestPages(gzipBomb(`[${'[],'.repeat(10 * mebibyte)}[]]`, 1), name, everyTable)),
  bare: async () => {
    const tables = `{"keyspace":"k","table":"t","id":"${'0'.repeat(32)}","files":[]},\n`.repeat(100_000);
    return joinPages(manifestPages(Buffer.concat([gzipBomb(head, 1), gzipBomb(tables, 120)]), name, everyTable));
  },
  ring: () => new Repository(storeOf(() => blanks(3000))).ring({ id: 'b1' }, never),
  schema: () => new Repository(storeOf(() => blanks(3000))).schema({ id: 'b1' }, never),
  mark: () => new Repository(storeOf(() => blanks(3000))).backup({ id: 'b1' }, never),
  output: () => outputOf('node1', ['nodetool', 'ring'], endless()),
  object: async () => {
    const pool = openLzoPool();
    try {
      const body = Buffer.concat([...lzopBomb(8 * mebibyte, 192)]);
      const file = storedOf('nb-1-big-Data.db', { storedBytes: body.length, bytes: 100 * 1024 });
      return await collect(
        plainBytes(
          storeOf(() => [body]),
          file,
          pool,
          never,
        ),
      );
    } finally {
      await pool.close();
    }
  },
};

const said = await bombs[process.argv[2] ?? '']?.().then(
  () => 'nothing',
  (error: unknown) => `${error instanceof Error ? error.name : ''}: ${messageOf(error)}`,
);
process.stdout.write(JSON.stringify({ said, mebibytes: Math.round(process.resourceUsage().maxRSS / 1024) }));
