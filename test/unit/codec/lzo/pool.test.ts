import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openLzoPool } from '../../../../src/codec/lzo/pool.ts';
import { BackupError } from '../../../../src/model/errors.ts';
import { noise, rows } from '../../../support/lzop.ts';
import { typeScript } from '../../../support/sources.ts';

/** A worker thread that runs this instead of src/codec/lzo-worker.ts; `onJob` at its first message. */
function broken(onJob: string, atStart = ''): URL {
  const code = `import { parentPort } from 'node:worker_threads'; ${atStart}; parentPort.on('message', () => { ${onJob} });`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

for (const [way, worker, message] of [
  ['cannot start', broken('', 'throw new Error("no")'), /lzo worker crashed/],
  ['throws', broken('throw new Error("out of order")'), /lzo worker crashed/],
  ['exits', broken('process.exit(7)'), /lzo worker ended with exit code 7/],
  ['gives a wrong answer', broken('parentPort.postMessage({ type: "other" })'), /lzo worker answered other/],
] as const) {
  test(`jobs given to a worker that ${way} are rejected, and so are those after them`, { timeout: 300_000 }, async () => {
    const pool = openLzoPool({ threads: 2, worker });
    try {
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => pool.encode(new Uint8Array(1000))));
      for (const outcome of outcomes) {
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof BackupError);
        assert.match(outcome.reason.message, message);
      }
      await assert.rejects(pool.encode(new Uint8Array(1000)), message);
    } finally {
      await pool.close();
    }
  });
}

test('closing rejects what is under way and what waits, and everything after it', { timeout: 300_000 }, async () => {
  const pool = openLzoPool({ threads: 1, worker: broken('') });
  const jobs = Promise.allSettled(Array.from({ length: 5 }, () => pool.encode(new Uint8Array(1000))));
  await pool.close();
  for (const outcome of await jobs) {
    assert.ok(outcome.status === 'rejected' && /pool is closed/.test(String(outcome.reason)));
  }
  await assert.rejects(pool.encode(new Uint8Array(1000)), /pool is closed/);
  await pool.close();
});

test('bytes handed over move to the thread, except out of a buffer shared with others', async () => {
  const pool = openLzoPool({ threads: 1 });
  try {
    const given = new Uint8Array(1000);
    await pool.encode(given);
    assert.equal(given.length, 0);
    const shared = Buffer.from('a small buffer lies among others');
    await pool.encode(shared);
    assert.equal(shared.toString(), 'a small buffer lies among others');
    const files = new Uint8Array(rows(500));
    await pool.encodeFiles(files, [{ name: 'a', from: 0, bytes: 500 }]);
    assert.equal(files.length, 0);
  } finally {
    await pool.close();
  }
});

test('memory is used again once it is given back, and by nobody else meanwhile', async () => {
  const pool = openLzoPool({ threads: 1 });
  try {
    const plain = rows(300_000);
    const given = pool.take(plain.length);
    given.set(plain);
    const [container = new Uint8Array()] = await pool.encodeFiles(given, [{ name: 'a', from: 0, bytes: plain.length }]);
    const copy = Uint8Array.from(container);
    // What the plain bytes lay in has come back; what the container lies in has not been given yet.
    const one = pool.take(plain.length);
    const other = pool.take(plain.length);
    one.fill(1);
    other.fill(2);
    assert.ok(one.every((byte) => byte === 1));
    assert.deepEqual(container, copy);
    const { buffer } = container;
    pool.give(container);
    assert.equal(pool.take(1000).buffer, buffer);
    assert.notEqual(pool.take(1000).buffer, buffer);
  } finally {
    await pool.close();
  }
});

test('memory that is too small goes, in the end', async () => {
  const pool = openLzoPool({ threads: 1 });
  try {
    for (let n = 0; n < 8; n++) {
      pool.give(new Uint8Array(1000));
    }
    for (let n = 0; n < 4; n++) {
      pool.take(100_000);
    }
    const large = new Uint8Array(100_000);
    pool.give(large);
    assert.equal(pool.take(100_000).buffer, large.buffer);
  } finally {
    await pool.close();
  }
});

test('many damaged small blocks at once are each refused', { timeout: 300_000 }, async () => {
  const pool = openLzoPool({ threads: 1 });
  try {
    const batch = {
      name: 'damaged',
      firstBlock: 0,
      bytes: noise(1000),
      blocks: [{ plainBytes: 30_000, storedBytes: 1000, adler32OfPlain: 1 }],
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 2000 }, () => pool.decode(batch)));
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
  } finally {
    await pool.close();
  }
});

test('jobs are answered each with its own result, in whatever number they come', async () => {
  const pool = openLzoPool({ threads: 3 });
  try {
    const inputs = Array.from({ length: 100 }, (_, n) => noise(n * 100, n + 1));
    const results = await Promise.all(inputs.map((input) => pool.encode(Uint8Array.from(input))));
    for (const [n, { bytes, plainBytes }] of results.entries()) {
      assert.equal(plainBytes, n * 100);
      assert.ok(Buffer.from(bytes.subarray(bytes.length - n * 100)).equals(inputs[n] ?? Buffer.alloc(0)));
    }
  } finally {
    await pool.close();
  }
});

test('a header that lies about lengths fails its own job only', async () => {
  const pool = openLzoPool({ threads: 1 });
  try {
    const batch = { name: 'lie', firstBlock: 0, bytes: new Uint8Array(100) };
    await assert.rejects(pool.decode({ ...batch, blocks: [{ plainBytes: 2 ** 50, storedBytes: 100 }] }), BackupError);
    assert.equal((await pool.encode(new Uint8Array(10))).plainBytes, 10);
  } finally {
    await pool.close();
  }
});

test('a pool that was not closed does not keep the process alive, one with work does', { timeout: 300_000 }, () => {
  const pool = new URL('../../../../src/codec/lzo/pool.ts', import.meta.url).href;
  const program = `import { openLzoPool } from ${JSON.stringify(pool)}; const { plainBytes } = await openLzoPool().encode(new Uint8Array(1000)); console.log(plainBytes);`;
  const output = execFileSync(process.execPath, [...typeScript, '-e', program], {
    encoding: 'utf8',
  });
  assert.equal(output, '1000\n');
});
