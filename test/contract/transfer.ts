import { crcText, sumText, withObject } from '../../src/model/backup/stored-sum.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { Remote } from '../../src/cluster/remote.ts';
import { Cksum } from '../../src/codec/cksum.ts';
import { RateLimit } from '../../src/flow/rate-limit.ts';
import { IntegrityError, RemoteError } from '../../src/model/errors.ts';
import type { Compression, StoredFile } from '../../src/model/backup/manifest.ts';
import { isDataFile } from '../../src/model/sstable.ts';
import { storedFile } from '../../src/model/backup/upload-plan.ts';
import { openDirectoryStore } from '../../src/storage/directory/directory.ts';
import { componentKey } from '../../src/storage/keys.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { Landing, Source, Transfer } from '../../src/transfer/transfer.ts';
import { bytesOf, listed } from '../support/bodies.ts';
import { forged } from '../support/forged.ts';
import { lzop, mixture, noise } from '../support/lzop.ts';
import { users } from '../support/manifests.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { identityOf } from '../support/identity.ts';
import { unprivileged, unprivilegedMissing } from '../support/unprivileged.ts';
import { never } from '../support/never.ts';

/** How a Transfer is made for the contract, on a store and a Remote that is this machine. */
export interface TransferUnderTest {
  readonly title: string;
  readonly remote: Remote;
  /** Why none of it can be tested here. */
  readonly skip?: string | undefined;
  readonly open: (t: TestContext, store: ObjectStore, limit?: RateLimit, sha256?: boolean) => Transfer;
  /** An empty location of the test's own, and the directory that its objects lie in; a directory store by default. */
  readonly openStore?: (t: TestContext) => Promise<{ readonly store: ObjectStore; readonly bucket: string }>;
  /** False where nobody on this side sees the plain bytes of large files that are stored so. */
  readonly seesLargeFiles: (compression: Compression) => boolean;
}

interface Place {
  /** The directory that the store lies in. */
  readonly bucket: string;
  readonly store: ObjectStore;
  readonly transfer: Transfer;
  /** Another one on the same store, which ends with the test. */
  readonly opened: (limit?: RateLimit, sha256?: boolean) => Transfer;
  /** What was planted, as it would be listed. */
  readonly source: (path: string, bytes: Uint8Array, compression?: Compression) => Promise<Source>;
  /** Where it all lands again, for one unit. */
  readonly landing: () => Landing;
  /** What has landed. */
  readonly landed: (path: string) => string;
}

const ref = { id: '20261121T031500Z' };
const signal = new AbortController().signal;
const large = mixture(1_412_345, 7);

async function place(t: TestContext, under: TransferUnderTest): Promise<Place> {
  const { open, openStore } = under;
  const directory = await temporaryDirectory(t);
  const { store, bucket } = await (openStore?.(t) ?? directoryStore(join(directory, 'bucket')));
  const opened = (limit?: RateLimit, sha256?: boolean): Transfer => open(t, store, limit, sha256);
  const restored = join(directory, 'restored');
  await mkdir(restored);
  const identity = await identityOf(restored);
  let units = 0;
  return {
    bucket,
    store,
    transfer: opened(),
    opened,
    landing: () => ({ directory: restored, identity, incoming: `.incoming/${(units += 1)}` }),
    landed: (path) => join(restored, path),
    source: async (path, bytes, compression = 'lzo') => {
      const full = join(directory, 'data', path);
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, bytes);
      await utimes(full, 1_763_694_900, 1_763_694_900);
      const component = { table: users, path, bytes: bytes.byteLength, modified: '2025-11-21T03:15:00.0000000000Z', disk: 0 };
      const upload = { component, key: componentKey(ref, 'n1', users, path, compression), compression };
      return { path: full, upload: isDataFile(path) ? { ...upload, digest: crcText(crc32(bytes)) } : upload };
    },
  };
}

async function directoryStore(bucket: string): Promise<{ readonly store: ObjectStore; readonly bucket: string }> {
  return { store: await openDirectoryStore(bucket, { create: true }), bucket };
}

async function uploaded(at: Place, remote: Remote, unit: readonly Source[]): Promise<readonly StoredFile[]> {
  const stored = await at.transfer.upload(remote, unit, signal);
  assert.equal(stored.length, unit.length);
  return unit.map(({ upload }, index) => storedFile(upload, stored[index] ?? assert.fail('fewer answers than files'), ref.id));
}

/** Every object is what its manifest line says, readable by the real lzop, and comes back as it was. */
async function comesBack(at: Place, remote: Remote, unit: readonly Source[]): Promise<void> {
  const files = await uploaded(at, remote, unit);
  assert.equal((await listed(at.store, '')).length, unit.length);
  for (const [index, file] of files.entries()) {
    const plain = await readFile(unit[index]?.path ?? '');
    const object = await bytesOf(at.store.get(file.key, {}, never));
    assert.equal(object.byteLength, file.storedBytes);
    assert.equal(
      sumText(file.storedCksum === undefined ? { storedCrc32: crcText(crc32(object)) } : { storedCksum: cksumOf(object) }),
      sumText(file),
    );
    assert.equal((await at.store.stat(file.key, never))?.etag, file.etag);
    if (index < 5) {
      assert.ok(plain.equals(file.compression === 'lzo' ? await lzop(['-d', '-c'], object) : object), file.key);
    }
  }
  const targets = files.map((file) => ({ file, path: `shop/users-1/${file.path}` }));
  await at.transfer.download(targets, at.landing(), remote, signal);
  for (const [index, { path }] of targets.entries()) {
    assert.ok((await readFile(at.landed(path))).equals(await readFile(unit[index]?.path ?? '')), path);
  }
}

/** The upload fails with this error, and nothing is left: no object under its keys, nothing unfinished. */
async function failsWhole(
  at: Place,
  remote: Remote,
  unit: readonly Source[],
  says: RegExp,
  kind = IntegrityError,
): Promise<void> {
  await assert.rejects(at.transfer.upload(remote, unit, signal), (error) => {
    assert.ok(error instanceof kind || error instanceof RemoteError, String(error));
    assert.match(error.message, says);
    return true;
  });
  assert.deepEqual(await listed(at.store, ''), []);
  assert.equal(await at.store.clearUnfinished(new Date(Date.now() + 60_000), never), 0);
}

export function transferContract(under: TransferUnderTest): void {
  const { title, remote } = under;
  const inPlace = (name: string, work: (at: Place) => Promise<void>, skip: string | false = false): void => {
    test(`${title}: ${name}`, { skip: under.skip ?? skip, timeout: 300_000 }, async (t) => work(await place(t, under)));
  };

  for (const compression of ['lzo', 'none'] as const) {
    inPlace(`a large file comes back, ${compression}`, async (at) =>
      comesBack(at, remote, [await at.source('nb-1-big-Data.db', large, compression)]),
    );

    inPlace(`small files of every kind come back in one batch, ${compression}`, async (at) =>
      comesBack(at, remote, [
        await at.source('nb-1-big-Data.db', mixture(200_000), compression),
        await at.source('nb-1-big-Filter.db', Buffer.alloc(0), compression),
        await at.source('nb-1-big-SAI+aa+users_city+TermsData.db', noise(70_000), compression),
        await at.source('.users_email/nb-1-big-Data.db', noise(1), compression),
        await at.source("something 'new' & strange.xyz", Buffer.from('?'), compression),
      ]),
    );
  }

  inPlace('1,000 small files come back in one batch', async (at) => {
    const bytes = mixture(64_000);
    const paths = Array.from({ length: 1000 }, (_, n) => [`nb-${n}-big-Index.db`, bytes.subarray(n * 60, n * 64)] as const);
    await comesBack(at, remote, await Promise.all(paths.map(([path, part]) => at.source(path, part))));
  });

  inPlace('all streams of a node together keep to a limit, up and down', async (at) => {
    const [perSecond, bytes, smallBytes] = [2 * 1024 ** 2, 1_200_000, 40_000];
    const transfer = at.opened(new RateLimit(perSecond));
    const units = [
      ...(await Promise.all(['a', 'b', 'c'].map(async (name) => [await at.source(`${name}-big-Index.db`, noise(bytes))]))),
      await Promise.all(['d', 'e'].map((name) => at.source(`${name}-big-Index.db`, noise(smallBytes)))),
    ];
    // The last taking may still be on its way; its bytes are not waited for. No machine is too slow for this.
    const leastMs = ((2 * bytes) / perSecond) * 1000 - 200;
    const timed = async (work: Promise<unknown>): Promise<number> => {
      const began = performance.now();
      await work;
      return performance.now() - began;
    };
    const files = new Map<string, StoredFile>();
    const up = units.map(async (unit) => {
      for (const [index, stored] of (await transfer.upload(remote, unit, signal)).entries()) {
        const { upload, path } = unit[index] ?? assert.fail();
        files.set(path, storedFile(upload, stored, ref.id));
      }
    });
    assert.ok((await timed(Promise.all(up))) >= leastMs);
    const targets = units.map((unit) =>
      unit.map(({ path, upload }) => ({ file: files.get(path) ?? assert.fail(), path: upload.component.path })),
    );
    assert.ok(
      (await timed(Promise.all(targets.map((unit) => transfer.download(unit, at.landing(), remote, signal))))) >= leastMs,
    );
    for (const { path, file } of targets.flat()) {
      assert.equal((await stat(at.landed(path))).size, file.bytes);
    }
  });

  inPlace(
    'what has landed is whose the commands are, with its mode, its directories too; nothing is left where it came in',
    async (at) => {
      const owner = (await remote.run(['id', '-un'], {}, signal)).trim();
      for (const [name, bytes] of [
        ['large', large],
        ['small', mixture(100_000)],
      ] as const) {
        const landing = at.landing();
        await chmod(at.landed('.'), 0o700);
        const files = await uploaded(at, remote, [await at.source(`.users_email/${name}-big-Data.db`, bytes)]);
        const targets = files.map((file) => ({ file, path: `shop/${name}-1/${file.path}` }));
        await at.transfer.download(targets, landing, remote, signal);
        const found = await remote.run(['stat', '-c', '%n %U %a', ...pathsTo(targets[0]?.path ?? '', at)], {}, signal);
        const modes = ['750', '750', '750', '640'].map((mode) => `${owner} ${mode}`);
        assert.deepEqual(
          found
            .trim()
            .split('\n')
            .map((line) => line.slice(line.indexOf(' ') + 1)),
          modes,
        );
        assert.equal((await stat(at.landed('.'))).mode & 0o777, 0o700);
        const left = await remote.run(['find', at.landed(landing.incoming), '-type', 'f'], {}, signal).catch(() => '');
        assert.equal(left, '');
      }
    },
  );

  inPlace('units of one table land side by side', async (at) => {
    const bytes = mixture(64_000);
    const sources = await Promise.all(Array.from({ length: 60 }, (_, n) => at.source(`nb-${n}-big-Index.db`, bytes.subarray(n))));
    const files = await uploaded(at, remote, sources);
    await Promise.all(
      files.map((file, n) => {
        const target = { file, path: `shop/t${Math.floor(n / 8)}-1/${file.path}` };
        return at.transfer.download([target], at.landing(), remote, signal);
      }),
    );
    for (const [n, { path }] of files.entries()) {
      assert.ok((await readFile(at.landed(`shop/t${Math.floor(n / 8)}-1/${path}`))).equals(bytes.subarray(n)), path);
    }
  });

  inPlace('what lands twice is replaced, not written through: a hard link elsewhere keeps its bytes', async (at) => {
    const target = { path: 'shop/users-1/nb-1-big-Data.db' };
    const old = mixture(100_000, 1);
    for (const [bytes, compression] of [
      [old, 'lzo'],
      [large, 'none'],
    ] as const) {
      const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes, compression)]);
      await at.transfer.download([{ ...target, file: file ?? assert.fail() }], at.landing(), remote, signal);
      assert.ok((await readFile(at.landed(target.path))).equals(bytes));
      if (bytes === old) {
        await link(at.landed(target.path), at.landed('kept'));
      }
    }
    assert.ok((await readFile(at.landed('kept'))).equals(old));
  });

  inPlace('what is planted where files land is not written through', async (at) => {
    const kept = at.landed('../kept');
    const canary = join(kept, 'nb-1-big-Data.db');
    await mkdir(kept);
    await writeFile(canary, 'canary', { mode: 0o600 });
    for (const bytes of [mixture(100_000), large]) {
      const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes)]);
      const unit = [{ file: file ?? assert.fail(), path: 'shop/users-1/nb-1-big-Data.db' }];
      const down = (): Promise<void> => at.transfer.download(unit, at.landing(), remote, signal);
      await mkdir(at.landed('shop'), { recursive: true });
      await rm(at.landed('shop/users-1'), { recursive: true, force: true });
      await symlink(kept, at.landed('shop/users-1'));
      await assert.rejects(down(), /users-1|shop/);
      await rm(at.landed('shop/users-1'));
      await mkdir(at.landed('shop/users-1'));
      await symlink(canary, at.landed('shop/users-1/nb-1-big-Data.db'));
      await down();
      assert.ok((await readFile(at.landed('shop/users-1/nb-1-big-Data.db'))).equals(bytes));
      assert.equal(await readFile(canary, 'utf8'), 'canary');
      assert.equal((await stat(canary)).mode & 0o777, 0o600);
      assert.deepEqual(await readdir(kept), ['nb-1-big-Data.db']);
    }
  });

  inPlace('nothing is written where another directory has taken the place of the one that was opened', async (at) => {
    for (const bytes of [mixture(100_000), large]) {
      const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes)]);
      const unit = [{ file: file ?? assert.fail(), path: 'shop/nb-1-big-Data.db' }];
      await at.transfer.download(unit, at.landing(), remote, signal);
      await rename(at.landed('.'), at.landed('../away'));
      await mkdir(at.landed('.'));
      await assert.rejects(at.transfer.download(unit, at.landing(), remote, signal), /another directory/);
      assert.deepEqual(await readdir(at.landed('.')), []);
      await rmdir(at.landed('.'));
      await rename(at.landed('../away'), at.landed('.'));
    }
  });

  inPlace('of a unit in which one object is damaged no file gets its name', async (at) => {
    const unit = [await at.source('nb-1-big-Data.db', mixture(50_000)), await at.source('nb-1-big-Index.db', noise(60_000))];
    const files = await uploaded(at, remote, unit);
    const [whole, damaged] = files;
    await flip(join(at.bucket, damaged?.key ?? ''), 300);
    const targets = files.map((file) => ({ file, path: file.path }));
    await assert.rejects(at.transfer.download(targets, at.landing(), remote, signal), Error);
    await assert.rejects(stat(at.landed(whole?.path ?? '')), /ENOENT/);
  });

  inPlace('a large file without a digest comes back too', async (at) =>
    comesBack(at, remote, [await at.source('nb-1-big-Index.db', large)]),
  );

  const spoilt: readonly (readonly [what: string, spoil: (path: string) => Promise<void>, says: RegExp])[] = [
    ['vanished', (path) => rm(path), /nb-1-big-Data\.db/],
    ['shrank', (path) => truncate(path, 12_345), /nb-1-big-Data\.db/],
    ['grew', (path) => appendFile(path, 'more'), /nb-1-big-Data\.db/],
    ['is damaged', (path) => flip(path, 1000), /nb-1-big-Data\.db is damaged on the node/],
    [
      'became a link to as many bytes',
      (path) => rename(path, `${path}.away`).then(() => symlink(`${path}.away`, path)),
      /nb-1-big-Data\.db/,
    ],
    ['became a pipe', (path) => rm(path).then(() => void execFileSync('mkfifo', [path])), /nb-1-big-Data\.db/],
  ];
  for (const [what, spoil, says] of spoilt) {
    for (const [size, bytes] of [
      ['large', large],
      ['small', mixture(100_000)],
    ] as const) {
      for (const compression of ['lzo', 'none'] as const) {
        if (what === 'is damaged' && size === 'large' && !under.seesLargeFiles(compression)) {
          continue;
        }
        inPlace(`a ${size} file that ${what} is an error that names it and leaves nothing, ${compression}`, async (at) => {
          const source = await at.source('nb-1-big-Data.db', bytes, compression);
          const beside = size === 'small' ? [await at.source('nb-1-big-Filter.db', noise(100), compression)] : [];
          await spoil(source.path);
          await failsWhole(at, remote, [source, ...beside], says);
        });
      }
    }
  }

  for (const [size, bytes] of [
    ['large', large],
    ['small', mixture(100_000)],
  ] as const) {
    inPlace(
      `a ${size} file that the login may not read is an error and leaves nothing`,
      async (at) => {
        const source = await at.source('nb-1-big-Data.db', bytes);
        await failsWhole(at, unprivileged(remote), [source], /nb-1-big-Data\.db|[Pp]ermission denied/, IntegrityError);
      },
      unprivilegedMissing,
    );

    const bucketFaults: readonly (readonly [what: string, spoil: (path: string) => Promise<void>])[] = [
      ['is gone', (path) => rm(path)],
      ['was cut off', (path) => stat(path).then((found) => truncate(path, found.size - 100))],
      ['was emptied', (path) => truncate(path, 0)],
      ['had a bit flipped in its data', (path) => flip(path, 300)],
      ['had a bit flipped in its head', (path) => flip(path, 12)],
      ['had something appended', (path) => appendFile(path, 'more')],
    ];
    for (const [what, spoil] of bucketFaults) {
      for (const compression of ['lzo', 'none'] as const) {
        inPlace(`a ${size} object that ${what} is found on download, by its key, ${compression}`, async (at) => {
          const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes, compression)]);
          assert.ok(file !== undefined);
          await spoil(join(at.bucket, file.key));
          await assert.rejects(at.transfer.download([{ file, path: 'x' }], at.landing(), remote, signal), (error) => {
            assert.ok(error instanceof Error && error.message.includes(file.key), String(error));
            return true;
          });
        });
      }
    }
  }

  inPlace('a whole object that holds other data than the manifest says is found by Cassandra’s digest', async (at) => {
    for (const bytes of [large, mixture(100_000)]) {
      const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Data.db', bytes)]);
      assert.ok(file !== undefined);
      const lying = { ...file, digest: '00000000' };
      await assert.rejects(at.transfer.download([{ file: lying, path: 'x' }], at.landing(), remote, signal), (error) => {
        assert.ok(error instanceof Error && error.message.includes(file.key), String(error));
        return true;
      });
    }
  });

  for (const compression of ['lzo', 'none'] as const) {
    inPlace(`an object of which an older backup has the POSIX cksum is held against that, ${compression}`, async (at) => {
      const unit = [
        await at.source('nb-1-big-Data.db', large, compression),
        await at.source('nb-1-big-Index.db', large, compression),
        await at.source('nb-2-big-Index.db', mixture(100_000), compression),
      ];
      for (const source of unit) {
        const [file] = await uploaded(at, remote, [source]);
        assert.ok(file !== undefined);
        const { storedBytes, etag } = file;
        const storedCksum = cksumOf(await bytesOf(at.store.get(file.key, {}, never)));
        const { path } = file;
        const older = withObject(file, { storedBytes, etag, storedCksum });
        await at.transfer.download([{ file: older, path }], at.landing(), remote, signal);
        assert.ok((await readFile(at.landed(path))).equals(await readFile(source.path)));
        const lying = { ...older, storedCksum: (storedCksum + 1) % 2 ** 32 };
        await assert.rejects(at.transfer.download([{ file: lying, path: 'x' }], at.landing(), remote, signal), (error) => {
          assert.ok(error instanceof IntegrityError && error.check === 'checksum', String(error));
          assert.ok(error.message.includes(file.key), error.message);
          return true;
        });
      }
    });
  }

  for (const compression of ['lzo', 'none'] as const) {
    inPlace(`objects have the SHA-256 of their bytes where that is wanted, and no other is taken, ${compression}`, async (at) => {
      const signing = { ...at, transfer: at.opened(undefined, true) };
      const small = ['nb-2-big-Index.db', 'nb-2-big-Filter.db'];
      const units = [
        [await at.source('nb-1-big-Data.db', large, compression)],
        [await at.source('nb-1-big-Index.db', large, compression)],
        await Promise.all(small.map((path, index) => at.source(path, mixture(index * 90_000), compression))),
      ];
      for (const unit of units) {
        const files = await uploaded(signing, remote, unit);
        const targets = files.map((file) => ({ file, path: file.path }));
        for (const { key, storedSha256 } of files) {
          const object = await bytesOf(at.store.get(key, {}, never));
          assert.equal(storedSha256, createHash('sha256').update(object).digest('hex'));
        }
        const [first, ...others] = files;
        assert.ok(first !== undefined);
        const lying = { ...first, storedSha256: '0'.repeat(64) };
        const wrong = [lying, ...others].map((file) => ({ file, path: `wrong/${file.path}` }));
        await assert.rejects(at.transfer.download(wrong, at.landing(), remote, signal), (error) => {
          assert.ok(error instanceof IntegrityError && error.check === 'checksum', String(error));
          assert.ok(error.message.includes(first.key) && error.message.includes('SHA-256'), error.message);
          return true;
        });
        for (const { path } of wrong) {
          await assert.rejects(stat(at.landed(path)), { code: 'ENOENT' });
        }
        await at.transfer.download(targets, at.landing(), remote, signal);
        for (const [index, { path }] of targets.entries()) {
          assert.ok((await readFile(at.landed(path))).equals(await readFile(unit[index]?.path ?? '')), path);
        }
      }
    });
  }

  inPlace('an object that was changed so that its CRC-32 is the same is noticed by its SHA-256', async (at) => {
    const signing = { ...at, transfer: at.opened(undefined, true) };
    for (const bytes of [large, mixture(100_000)]) {
      const [file] = await uploaded(signing, remote, [await at.source('nb-1-big-Index.db', bytes, 'none')]);
      assert.ok(file !== undefined);
      const { etag } = await at.store.put(file.key, forged(bytes, 1000), {}, never);
      const { storedSha256: _, ...unsigned } = { ...file, etag };
      await at.transfer.download([{ file: unsigned, path: 'unsigned' }], at.landing(), remote, signal);
      assert.ok((await readFile(at.landed('unsigned'))).equals(forged(bytes, 1000)), 'nothing else notices it');
      await assert.rejects(
        at.transfer.download([{ file: { ...file, etag }, path: 'x' }], at.landing(), remote, signal),
        (error) => {
          assert.ok(error instanceof IntegrityError && error.check === 'checksum', String(error));
          return true;
        },
      );
      await assert.rejects(stat(at.landed('x')), { code: 'ENOENT' });
    }
  });

  inPlace('an object that has another container behind its own is damaged, whatever its manifest says', async (at) => {
    for (const bytes of [large, mixture(100_000)]) {
      const [file] = await uploaded(at, remote, [await at.source('nb-1-big-Index.db', bytes)]);
      assert.ok(file !== undefined);
      const container = await bytesOf(at.store.get(file.key, {}, never));
      const twice = Buffer.concat([container, container]);
      const { etag } = await at.store.put(file.key, twice, {}, never);
      const lying = { ...file, storedBytes: twice.byteLength, storedCrc32: crcText(crc32(twice)), etag };
      await assert.rejects(at.transfer.download([{ file: lying, path: 'x' }], at.landing(), remote, signal), (error) => {
        assert.ok(error instanceof Error && error.message.includes(file.key), String(error));
        return true;
      });
    }
  });

  inPlace('an upload that is aborted ends with the reason and leaves nothing', async (at) => {
    const source = await at.source('nb-1-big-Data.db', large);
    const abort = new AbortController();
    const slow: Remote = {
      ...remote,
      async *read(command, options, either) {
        for await (const chunk of remote.read(command, options, either)) {
          yield chunk;
          abort.abort(new Error('enough'));
        }
      },
    };
    await assert.rejects(at.transfer.upload(slow, [source], abort.signal), /enough/);
    assert.deepEqual(await listed(at.store, ''), []);
  });

  inPlace('a unit may be repeated', async (at) => {
    const source = await at.source('nb-1-big-Data.db', large);
    await at.transfer.upload(remote, [source], signal);
    await comesBack(at, remote, [source]);
  });
}

/** A path below the landing's directory and those of the directories on its way, outermost first. */
function pathsTo(path: string, at: Place): readonly string[] {
  const names = path.split('/');
  return names.map((_, index) => at.landed(names.slice(0, index + 1).join('/')));
}

function cksumOf(bytes: Uint8Array): number {
  const sum = new Cksum();
  sum.add(bytes);
  return sum.sum;
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
}

export { comesBack, failsWhole, large, place, signal, uploaded };
export type { Place };
