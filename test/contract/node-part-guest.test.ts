/** The program on a node is a guest there: nothing of the login gets into it, and it takes no more memory than it was given. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Remote } from '../../src/cluster/remote.ts';
import { probeNode } from '../../src/cluster/tools/node-probe.ts';
import type { Source } from '../../src/transfer/transfer.ts';
import { direct } from '../../src/transfer/direct/direct.ts';
import { bytesOf } from '../support/bodies.ts';
import { faultyGateway } from '../support/faulty-gateway.ts';
import { localRemote } from '../support/local-remote.ts';
import { lzop, noise } from '../support/lzop.ts';
import { never } from '../support/never.ts';
import { nodePrograms } from '../support/node-programs.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type Place, comesBack, large, place } from './transfer.ts';

const gateway = faultyGateway();
const { skip } = gateway;
const options = { skip, timeout: 300_000 };
const run = promisify(execFile);

/** A location behind the proxy, and a direct transfer by this Python. */
async function placeOf(t: TestContext, remote: Remote, python: string, partBytes?: number): Promise<Place> {
  const patience = { attempts: 3, firstDelayMs: 10 };
  const programs = nodePrograms(t, { pythonOf: () => python });
  return place(t, {
    title: '',
    remote,
    open: (_, store) => direct({ store, signer: store.signer ?? assert.fail(), programs, patience }),
    openStore: (context) => gateway.openLocation(context, partBytes),
    seesLargeFiles: () => true,
  });
}

/** Modules that Python, or the program, imports; each leaves a mark when it is. */
const planted = ['json', 'zlib', 'ssl', 'sitecustomize', 'usercustomize'];

test('nothing that lies in a login’s directories is imported', options, async (t) => {
  const directory = await temporaryDirectory(t);
  const inside = (name: string): string => join(directory, name);
  const marks = inside('marks');
  await mkdir(marks);
  // Itself, and not what stands before it to choose one: that would look for its own things in HOME.
  const python = await printed('python3', ['-I', '-c', 'import sys; print(sys.executable)']);
  await mkdir(inside('bin'));
  await symlink(python, inside('bin/python3'));
  const site = ['-I', '-c', 'import site; print(site.getusersitepackages())'];
  const homeSite = await printed(python, site, { HOME: inside('home') });
  assert.ok(homeSite.startsWith(inside('home/')), homeSite);
  const places = { cwd: inside('cwd'), pythonpath: inside('pythonpath'), home: homeSite };
  for (const [where, path] of Object.entries(places)) {
    await mkdir(path, { recursive: true });
    for (const name of planted) {
      await writeFile(join(path, `${name}.py`), `open(${JSON.stringify(join(marks, `${where}-${name}`))}, 'w').close()\n`);
    }
  }
  const env = { HOME: inside('home'), PYTHONPATH: places.pythonpath };

  const remote = localRemote({ host: 'node7', path: [inside('bin')], env, cwd: places.cwd });
  const found = (await probeNode(remote, [], never)).python?.path;
  assert.equal(found, inside('bin/python3'));
  const at = await placeOf(t, remote, found);
  await comesBack(at, remote, [await at.source('nb-1-big-Data.db', large)]);
  assert.deepEqual(await readdir(marks), []);

  // What was planted bites in each of the places, where it is let.
  const bare = { cwd: directory, env: { ...process.env, HOME: inside('nowhere'), PYTHONPATH: '' } };
  const careless = ['-c', 'import json'];
  await run(python, careless, { ...bare, cwd: places.cwd });
  await run(python, careless, { ...bare, env: { ...bare.env, PYTHONPATH: places.pythonpath } });
  await run(python, careless, { ...bare, env: { ...bare.env, HOME: inside('home') } });
  const bitten = await readdir(marks);
  for (const mark of ['cwd-json', 'pythonpath-json', 'pythonpath-sitecustomize', 'home-usercustomize']) {
    assert.ok(bitten.includes(mark), `${mark} is not in ${bitten.join(' ')}`);
  }
});

async function printed(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await run(program, [...args], { env: { ...process.env, ...env } })).stdout.trim();
}

const mebibyte = 1024 ** 2;
const mostMiB = 256;

/** A program that writes down under which pid it becomes Python. */
async function notedPython(t: TestContext): Promise<{ readonly python: string; readonly peakMiB: () => Promise<number> }> {
  const directory = await temporaryDirectory(t);
  const [python, pids] = [join(directory, 'python'), join(directory, 'pids')];
  await writeFile(python, `#!/bin/sh\necho $$ >>'${pids}'\nexec python3 "$@"\n`, { mode: 0o755 });
  const peakMiB = async (): Promise<number> => {
    const [pid = '', ...others] = (await readFile(pids, 'utf8')).trim().split('\n');
    assert.deepEqual(others, [], 'one program for all');
    const [, kB] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kB) / 1024;
  };
  return { python, peakMiB };
}

async function isWhole(at: Place, { path, upload }: Source): Promise<void> {
  const object = await bytesOf(at.store.get(upload.key, {}, never));
  const plain = upload.compression === 'lzo' ? await lzop(['-d', '-c'], object) : object;
  assert.ok(plain.equals(await readFile(path)), upload.key);
}

test('32 large files at once take less than 256 MiB of the node’s memory, and all come whole', options, async (t) => {
  const bytes = 12 * mebibyte;
  const { python, peakMiB } = await notedPython(t);
  const remote = localRemote({ host: 'node7' });
  const at = await placeOf(t, remote, python);
  const all = noise(bytes + 32);
  const sources = await Promise.all(
    Array.from({ length: 32 }, (_, n) =>
      at.source(`nb-${n}-big-Data.db`, all.subarray(n, n + bytes), n % 2 === 0 ? 'none' : 'lzo'),
    ),
  );

  // The store lets nothing through before as many parts are on their way as the node may hold: 128 MiB are 16 of 8.
  let parts = 0;
  let release = (): void => {};
  const enough = new Promise<void>((resolve) => (release = resolve));
  gateway.proxy.hold(async (method) => {
    if (method === 'PUT') {
      parts += 1;
      if (parts === 16) {
        release();
      }
      await enough;
    }
  });
  t.after(() => gateway.proxy.hold(async () => {}));
  await Promise.all(sources.map((source) => at.transfer.upload(remote, [source], never)));
  const peak = await peakMiB();
  assert.ok(peak < mostMiB, `${peak} MiB`);
  for (const source of sources) {
    await isWhole(at, source);
  }
});

test('parts of ever other sizes, one after the other, take no more of it', options, async (t) => {
  const { python, peakMiB } = await notedPython(t);
  const remote = localRemote({ host: 'node7' });
  const at = await placeOf(t, remote, python, 32 * mebibyte);
  const all = noise(31 * mebibyte);
  for (let n = 0; n < 10; n += 1) {
    const source = await at.source(`nb-${n}-big-Data.db`, all.subarray(n), 'none');
    await at.transfer.upload(remote, [source], never);
    await isWhole(at, source);
  }
  const peak = await peakMiB();
  assert.ok(peak < mostMiB, `${peak} MiB`);
});
