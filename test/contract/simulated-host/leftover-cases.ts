import assert from 'node:assert/strict';
import {
  clearFilesScript,
  clearSecretsScript,
  clearStagingScript,
  clearUndoScript,
} from '../../../src/cluster/leftovers/clear-script.ts';
import { lookForLeftScript, lookForSecretsScript, sizesScript } from '../../../src/cluster/leftovers/look-script.ts';
import { findStagingsScript, leaveAboveFunctionScript } from '../../../src/cluster/placing/staging-script.ts';
import type { Cases } from './cases.ts';
import { directory, hold } from './holding-cases.ts';
import { at, procOf } from './proc-of.ts';
import { owner, ranTexts, type Side, type Twin } from './twin.ts';

const id = '20261121T071500Z';
const label = 's3://bucket/backup/1';

/** How old something is in seconds: of today, or of the past from which the files of a twin are. */
function ages(text: string): string {
  return text.replaceAll(/(?<=[\t\0])-?\d{1,4}(?=\0)/g, 'new').replaceAll(/(?<=[\t\0])\d{8,9}(?=[\t\0])/g, 'old');
}

const sorted = (text: string): string => text.split('\0').toSorted().join('\0');

/** What a run and restores can have left on a node. */
function leftIn(twin: Twin): { readonly data: string; readonly second: string; readonly state: string } {
  const uid = owner;
  const data = twin.dir("it's data", { uid });
  const second = twin.dir(`${twin.other}/data2`, { uid });
  const state = twin.dir('commit log', { uid });
  const table = `${data}/shop/users-1`;
  twin.file(`${table}/nb-1-big-Data.db`, 'live', { uid });
  twin.file(`${table}/snapshots/sstash-1/nb-2-big-Data.db`, 'alone in it', { uid });
  twin.hard(`${table}/nb-1-big-Data.db`, `${table}/snapshots/sstash-1/nb-1-big-Data.db`, uid);
  twin.file(`${table}/snapshots/sstash-2/.users_email/nb-2-big-Data.db`, 'index', { uid });
  twin.file(`${table}/snapshots/mine/nb-2-big-Data.db`, 'of the operator', { uid });
  twin.file(`${data}/shop/orders-2/snapshots/sstash-1/nb-3-big-Data.db`, 'more', { uid });
  for (const name of [`before-restore-${id}`, `restored-${id}`, `incoming-${id}`]) {
    twin.file(`${second}/shop/users-1/snapshots/${name}/nb-4-big-Data.db`, name, { uid });
    twin.file(`${state}/${name}/CommitLog-7-1.log`, 'log', { uid });
  }
  twin.link('/etc', `${second}/shop/users-1/snapshots/sstash-link`, uid);
  twin.link('/etc', `${state}/restored-link`, uid);
  twin.file(`${data}/.sstash-placed.abcdefgh`, 'half', { uid });
  twin.file(`${data}/.sstash-grace.abcdefgh`, 'half a record', { uid });
  twin.file(`${data}/.sstash-grace.12345678`, 'of root');
  twin.link('/etc/passwd', `${data}/.sstash-placed.87654321`, uid);
  twin.file(`${data}/shop/users-1/.sstash-part`, 'part', { uid });
  twin.file(`${second}/shop/users-1/upload/.sstash-part`, 'part of it', { uid });
  twin.file(`${data}/.sstash-undo/${id}/phase`, 'placed\n', { uid });
  return { data, second, state };
}

/** The directories of restores that go into live tables: of one that works, of ones that died, and of others. */
function stagingsOf(twin: Twin): { readonly home: string; readonly run: string } {
  const uid = owner;
  const home = twin.dir('sstash_restore', { uid });
  const run = twin.dir(`${home}/restore-0123456789ab`, { uid });
  twin.file(`${run}/.sstash-restore`, `${label}\nmore\n`, { uid });
  twin.file(`${run}/.sstash-emptied`, 'shop.users\nshop.orders\n', { uid });
  twin.file(`${run}/shop/users-1/nb-1-big-Data.db`, 'staged', { uid });
  twin.link('/etc', `${run}/link`, uid);
  twin.file(`${home}/restore-ba9876543210/.sstash-restore.abcdefgh`, 'never had its name', { uid });
  twin.dir(`${home}/restore-000000000000`, { uid });
  twin.file(`${home}/foreign/file`, 'x', { uid });
  twin.file(`${home}/restore-111111111111/.sstash-restore`, 'a mark of somebody else', { uid: 0 });
  twin.dir(`${home}/restore-111111111111`, { uid });
  twin.file(`${home}/restore-222222222222/.sstash-restore`, 'of root\n');
  twin.file(`${home}/restore-222222222222/.sstash-lock`, 'line', { mode: 0o600 });
  twin.link(run, `${home}/restore-333333333333`, uid);
  return { home, run };
}

/** What is told of each directory, of which the second is its inode, and the fifth its age. */
const numberless = (text: string): string =>
  text
    .split('\0')
    .map((field, index) => (index % 8 === 1 ? 'identity' : index % 8 === 4 ? ages(`\0${field}\0`) : field))
    .join('\0');

export const leftoverCases: Cases = {
  'staging directories that are found': async (twin) => {
    const { home, run } = stagingsOf(twin);
    const look = async (by = true): Promise<string> => {
      const words = [home, `${twin.root}/none`, twin.link(home, by ? 'link' : 'other link')];
      return (await twin.script(findStagingsScript, words, { owner: by, normal: numberless })).stdout;
    };
    const found = await look();
    assert.equal(found.split(home).length, 5);
    // Of its file, of its mark, and of the record of what was emptied.
    assert.ok(found.includes(`${run}\0identity\0free\0${6 + 26 + 23}\0`), found);
    assert.match(found, /\0unknown\0.*\0root\0of root\0/);
    const lock = hold(twin, `${twin.dir('data', { uid: owner })}/.sstash-lock`, 'line');
    assert.equal(await lock.hear(), 'said ok');
    assert.equal(await lock.ask(directory(run)), 'said ok');
    assert.ok((await look(false)).includes(`${run}\0identity\0busy\0`));
    assert.equal(await lock.end(), 'it has ended');
  },
  'what is left in data directories is found': async (twin) => {
    const { data, second, state } = leftIn(twin);
    const normal = (text: string): string => sorted(ages(text));
    const look = async (by: boolean): Promise<string> =>
      (await twin.script(lookForLeftScript, [state, `${twin.root}/none`, '--', data, second], { owner: by, normal })).stdout;
    const found = await look(true);
    for (const record of [
      'busy\tno',
      `journal\t${id}\t7\tnew`,
      'snapshot\tsstash-1\t15\tnew',
      'state\trestored-20261121T071500Z\t3\tnew',
    ]) {
      assert.ok(found.split('\0').includes(record), `${record} in ${found}`);
    }
    assert.equal(found.split('file\t').length, 5);
    await look(false);
    await twin.script(lookForLeftScript, ['--', `${twin.root}/none`], { owner: true, normal });
    const lock = hold(twin, `${data}/.sstash-lock`, 'line');
    assert.equal(await lock.hear(), 'said ok');
    assert.match(await look(true), /busy\tyes/);
    assert.equal(await lock.end(), 'it has ended');
    assert.match(await look(true), /busy\tno/);
    twin.dir(`${data}/.sstash-undo/lock`, { uid: owner });
    assert.match(await look(true), /busy\tunknown/);
    // What directories have of links and bytes is their file system's.
    const lines = (text: string): string =>
      text
        .replaceAll(/\td\t\d+\t\d+/g, '\td')
        .split('\n')
        .toSorted()
        .join('\n');
    await twin.script(sizesScript, [`${data}/shop`, state], { normal: lines });
  },
  'files with logins in them, and who uses them': async (twin) => {
    const [one, used] = ['tmp/sstash-login-abcdefghij', 'tmp/sstash-login-0123456789'];
    twin.dir('tmp', { mode: 0o777 });
    twin.file(one, 'secret');
    twin.file(used, 'secret too');
    twin.file('tmp/sstash-login-klmnopqrst', 'of another', { uid: owner });
    twin.file('tmp/sstash-login-short', 'x');
    twin.link('/etc/passwd', 'tmp/sstash-login-linklinkli');
    twin.file('tmp/sstash-said-abcdefghij', 'what a command said');
    procOf(twin, [
      { pid: 100, words: ['java', '-f', `${twin.root}/${used}`] },
      { pid: 200, words: ['sh'] },
    ]);
    const look = at(twin, lookForSecretsScript);
    const found = await twin.script(look, [`${twin.root}/tmp`, `${twin.root}/none`], { normal: ages });
    assert.deepEqual(
      found.stdout.match(/\t(?:yes|no)(?=\0)/g)?.map((word) => word.slice(1)),
      ['yes', 'no', 'no'],
    );
    await twin.script(look, [`${twin.root}/tmp`], { normal: ages, owner: true });
    const clear = (...names: readonly string[]): Promise<{ readonly stdout: string }> =>
      twin.script(
        clearSecretsScript,
        names.map((name) => `${twin.root}/${name}`),
      );
    const all = ['tmp/sstash-login-klmnopqrst', 'tmp/sstash-login-linklinkli', one, 'tmp/sstash-said-abcdefghij', 'tmp/none'];
    await clear(...all);
    assert.equal((await clear(...all.slice(0, -1))).stdout, 'cleared\n');
    assert.equal(twin.has('tmp/sstash-login-klmnopqrst'), true);
    await clear('tmp/sstash-login-short');
  },
  'files that never got their names are cleared': async (twin) => {
    const { data } = leftIn(twin);
    const clear = async (files: readonly string[], by = true): Promise<string> =>
      (await twin.script(clearFilesScript, [data, 'clear', ...files.map((file) => `${data}/${file}`)], { owner: by })).stdout;
    const files = ['.sstash-placed.abcdefgh', '.sstash-grace.12345678', '.sstash-placed.87654321', 'shop/users-1/.sstash-part'];
    const lock = hold(twin, `${data}/.sstash-lock`, 'line');
    assert.equal(await lock.hear(), 'said ok');
    assert.equal(await clear(files), 'busy\n');
    assert.equal(await lock.end(), 'it has ended');
    assert.equal(await clear(files), 'cleared\n');
    assert.deepEqual(
      files.map((file) => twin.has(`${data}/${file}`)),
      [false, true, true, false],
    );
    assert.equal(await clear(['shop/users-1/nb-1-big-Data.db']), '');
    assert.equal(await clear(['.sstash-grace.12345678'], false), 'cleared\n');
    twin.remove(`${data}/.sstash-lock`);
    twin.link('elsewhere', `${data}/.sstash-lock`, owner);
    assert.equal(await clear(['.sstash-grace.abcdefgh']), 'busy\n');
  },
  'what a restore moved aside is cleared': async (twin) => {
    const { data, second, state } = leftIn(twin);
    const clear = async (of = id): Promise<string> => {
      const words = [data, 'clear', of, state, `${twin.root}/none`, '--', data, second];
      return (await twin.script(clearUndoScript, words, { owner: true })).stdout;
    };
    assert.equal(await clear('../x'), '');
    for (const phase of ['placing', 'away', '']) {
      twin.file(`${data}/.sstash-undo/${id}/phase`, `${phase}\n`, { uid: owner });
      assert.equal(await clear(), 'busy\n');
    }
    twin.file(`${data}/.sstash-undo/${id}/phase`, 'placed\n', { uid: owner });
    twin.file(`${data}/.sstash-undo/${id}/down`, '', { uid: owner });
    assert.equal(await clear(), 'busy\n');
    twin.remove(`${data}/.sstash-undo/${id}/down`);
    twin.file(`${data}/.sstash-undo/lock`, '', { uid: owner });
    assert.equal(await clear(), 'cleared\n');
    assert.equal(twin.has(`${state}/before-restore-${id}`), false);
    assert.equal(await clear(), 'cleared\n', 'there is nothing any more');
    twin.link('/etc', `${data}/.sstash-undo/other`, owner);
    assert.equal(await clear('other'), 'busy\n');
  },
  'staging directories are cleared': async (twin) => {
    const { home, run } = stagingsOf(twin);
    const data = twin.dir('data', { uid: owner });
    const clear = async (path: string, by = true): Promise<string> => {
      const words = (side: Side): readonly string[] => [data, 'clear', path, side.identity(path)];
      const { stdout, stderr } = await twin.script(clearStagingScript, words, { owner: by });
      return stdout === '' ? stderr.trim() : stdout.trim();
    };
    const lock = hold(twin, `${twin.dir('data2', { uid: owner })}/.sstash-lock`, 'line');
    assert.equal(await lock.hear(), 'said ok');
    assert.equal(await lock.ask(directory(run)), 'said ok');
    assert.equal(await clear(run), 'busy');
    assert.equal(await lock.end(), 'it has ended');
    assert.equal(await clear(run), 'cleared');
    assert.equal(twin.has(run), false);
    assert.match(await clear(`${home}/restore-222222222222`), /belongs to somebody else/);
    assert.equal(await clear(`${home}/restore-222222222222`, false), 'cleared');
    twin.dir(`${home}/restore-000000000000`, { uid: owner, mode: 0o777 });
    assert.match(await clear(`${home}/restore-000000000000`), /may be written by others/);
    twin.dir(`${home}/restore-ba9876543210/.sstash-lock`, { uid: owner });
    assert.match(await clear(`${home}/restore-ba9876543210`), /is no file/);
    await twin.script(clearStagingScript, [data, 'clear', home, '1:1'], { owner: true });
    assert.equal(await clear(home), 'cleared');
    ranTexts.add(leaveAboveFunctionScript);
    twin.dir('more', { uid: owner });
    const above = twin.dir('more/sstash_restore', { uid: owner });
    const [first, last] = ['restore-0123456789ab', 'restore-ba9876543210'].map((name) =>
      twin.dir(`${above}/${name}`, { uid: owner }),
    );
    assert.equal(await clear(first ?? ''), 'cleared');
    assert.equal(twin.has(above), true);
    assert.equal(await clear(last ?? ''), 'cleared');
    assert.equal(twin.has(above), false);
  },
};
