import assert from 'node:assert/strict';
import { readGraceScript, writeGraceScript } from '../../../src/cluster/placing/grace-record.ts';
import { markAgesScript, markPlacedScript } from '../../../src/cluster/placing/placed-mark.ts';
import { dropCopiesScript, placingScript } from '../../../src/cluster/placing/placing-script.ts';
import { listJournalsScript, readDisksScript } from '../../../src/cluster/placing/placing.ts';
import { listFilesScript, moveFilesScript } from '../../../src/cluster/placing/table-import.ts';
import { moveToUploadScript } from '../../../src/model/restore/by-hand/refresh.ts';
import { bytesOf } from '../../simulate/host/bytes.ts';
import type { Cases } from './cases.ts';
import { owner, type Twin } from './twin.ts';

const id = '20261121T071500Z';
const mark = '.sstash-placed';

/** Old files, staged ones, two data directories on two disks, and a journal's plan for them. */
function restoreOf(twin: Twin): { readonly data: string; readonly plan: string } {
  const uid = owner;
  const data = twin.dir("it's data", { uid });
  const second = twin.dir(`${twin.other}/data2`, { uid });
  twin.file(`${data}/shop/users-1/nb-1-big-Data.db`, 'old', { uid });
  twin.hard(`${data}/shop/users-1/nb-1-big-Data.db`, `${data}/shop/users-1/backups/nb-1-big-Data.db`, uid);
  twin.hard(`${data}/shop/users-1/nb-1-big-Data.db`, `${data}/shop/users-1/snapshots/mine/nb-1-big-Data.db`, uid);
  twin.file(`${data}/shop/users-1/.users_email/nb-1-big-Data.db`, 'old index', { uid });
  twin.file(`${second}/shop/users-1/nb-2-big-Data.db`, 'on the second disk', { uid });
  twin.dir(`${data}/moved`, { uid });
  twin.file(`${data}/moved/x/nb-3-big-Data.db`, 'behind a link', { uid });
  twin.dir(`${data}/moved/x/there`, { uid });
  twin.link('there', `${data}/moved/x/to-directory`, uid);
  twin.link('gone', `${data}/moved/x/to-nothing`, uid);
  twin.dir(`${data}/shop`, { uid });
  twin.link(`${data}/moved/x`, `${data}/shop/linked-5`, uid);
  twin.file('commitlog/CommitLog-7-1.log', 'log', { uid });
  twin.dir('commitlog', { uid });
  twin.dir('hints', { uid });
  twin.file('staging/shop/users-9/nb-1-big-Data.db', 'restored', { uid });
  twin.file('staging/shop/users-9/.users_email/nb-1-big-Data.db', 'restored index', { uid });
  twin.file('staging/.disk-1/shop/users-9/nb-4-big-Data.db', 'to the second disk', { uid });
  twin.file('staging/shop/orders-8/nb-1-big-Data.db', 'orders', { uid });
  const tables = ['shop/users-1', 'shop/orders-2', 'shop/linked-5'];
  const lines = [
    'host\tn1\t',
    ...[data, second].flatMap((directory) => tables.map((table) => `table\t${directory}/${table}\t`)),
    ...['commitlog', 'hints', 'caches'].map((name) => `state\t${twin.root}/${name}\t`),
    `place\t${data}/shop/users-1\t${twin.root}/staging/shop/users-9`,
    `place\t${second}/shop/users-1\t${twin.root}/staging/.disk-1/shop/users-9`,
    `place\t${data}/shop/orders-2\t${twin.root}/staging/shop/orders-8`,
    `place\t${data}/shop/none-4\t${twin.root}/staging/shop/none`,
  ];
  const placed = (to: string, from: string, ...files: readonly string[]): readonly string[] =>
    files.map((file) => {
      const staged = `${twin.root}/staging/${from}/${file}`;
      return `file\t${twin.host.files.stat(bytesOf(staged)).size}\t${staged}\t${to}/${file}`;
    });
  const files = [
    ...placed(`${data}/shop/users-1`, 'shop/users-9', 'nb-1-big-Data.db', '.users_email/nb-1-big-Data.db'),
    ...placed(`${second}/shop/users-1`, '.disk-1/shop/users-9', 'nb-4-big-Data.db'),
    ...placed(`${data}/shop/orders-2`, 'shop/orders-8', 'nb-1-big-Data.db'),
  ];
  return { data, plan: `${[...lines, ...files].join('\n')}\n` };
}

/** Runs verbs one after the other; those with an exclamation mark must be refused, those with a question mark may be. */
async function placing(
  twin: Twin,
  data: string,
  verbs: readonly string[],
  plan = '',
  { id: of = id, ...as }: { readonly owner?: boolean; readonly id?: string } = {},
): Promise<void> {
  for (const word of verbs) {
    const verb = word.replace(/[!?]/, '');
    const { status, stderr } = await twin.script(placingScript, [verb, data, of, mark], {
      owner: true,
      ...as,
      ...(verb === 'begin' ? { input: plan } : {}),
      stderr: 'class',
    });
    if (!word.endsWith('?')) {
      assert.equal(status !== 0, word.endsWith('!'), `${word}: ${stderr}`);
    }
  }
}

const journal = (data: string, rest: string): string => `${data}/.sstash-undo/${id}/${rest}`;

export const placingCases: Cases = {
  'files are placed and taken back': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin', 'check', 'down', 'place', 'place', 'up', 'check', 'undo', 'undo', 'place!'], plan);
  },
  'the same by root': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin', 'place', 'undo'], plan, { owner: false });
  },
  'an undo before anything was placed': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin', 'undo', 'check', 'begin!'], plan);
  },
  'a journal in each phase goes on and goes back': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin', 'place'], plan);
    for (const phase of ['placing', 'aside', 'away', 'back', 'placed', 'undone', 'begun', 'nonsense', '']) {
      twin.file(journal(data, 'phase'), `${phase}\n`, { uid: owner });
      await placing(twin, data, ['check?', 'place?']);
      twin.file(journal(data, 'phase'), `${phase}\n`, { uid: owner });
      await placing(twin, data, ['undo?']);
    }
  },
  'a crash between two disks': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin', 'place'], plan);
    const table = `${twin.other}/data2/shop/users-1`;
    twin.file(`${table}/snapshots/incoming-${id}/nb-4-big-Data.db`, 'to the second disk', { uid: owner });
    twin.file('staging/.disk-1/shop/users-9/nb-4-big-Data.db', 'to the second disk', { uid: owner });
    twin.file(journal(data, 'phase'), 'placing\n', { uid: owner });
    await placing(twin, data, ['place']);
    twin.file(`${table}/snapshots/incoming-${id}/nb-4-big-Data.db`, 'another', { uid: owner });
    twin.file(journal(data, 'phase'), 'placing\n', { uid: owner });
    await placing(twin, data, ['place!']);
  },
  'old files that were cleared': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin', 'place'], plan);
    twin.remove(`${data}/shop/users-1/snapshots/before-restore-${id}/nb-1-big-Data.db`);
    await placing(twin, data, ['check!', 'undo!']);
  },
  'journals that are none': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['check!', 'place!', 'undo!', 'up!', 'down!']);
    twin.dir(`${data}/.sstash-undo`, { uid: owner });
    twin.dir(`${data}/.sstash-undo/other`, { uid: owner });
    twin.file(`${data}/.sstash-undo/other/phase`, 'placing\n', { uid: owner });
    await placing(twin, data, ['begin', 'check!', 'place!'], plan);
    twin.remove(`${data}/.sstash-undo/other/phase`);
    twin.link('/etc/passwd', `${data}/.sstash-undo/other/phase`, owner);
    await placing(twin, data, ['check!']);
    await twin.script(listJournalsScript, [data], { owner: true });
    twin.fifo(`${data}/.sstash-undo/third/phase`, owner);
    twin.link('gone', `${data}/.sstash-undo/fourth/phase`, owner);
    await twin.script(listJournalsScript, [data], { owner: true });
    await twin.script(listJournalsScript, [data]);
    await twin.script(listJournalsScript, [`${data}/none`]);
    await placing(twin, data, ['down']);
    await twin.script(listJournalsScript, [data], { owner: true });
  },
  'what is staged, and what was placed, is held against the plan': async (twin) => {
    const { data, plan } = restoreOf(twin);
    const staged = 'staging/shop/orders-8/nb-1-big-Data.db';
    twin.file(staged, 'of another size', { uid: owner });
    await placing(twin, data, ['begin!', 'prove!'], plan, { id: 'one' });
    twin.remove(staged);
    await placing(twin, data, ['begin!'], plan, { id: 'two' });
    twin.file(staged, 'orders', { uid: owner });
    twin.file('staging/shop/orders-8/nb-7-big-Data.db', 'strange', { uid: owner });
    await placing(twin, data, ['begin!'], plan, { id: 'three' });
    twin.remove('staging/shop/orders-8/nb-7-big-Data.db');
    await placing(twin, data, ['prove!', 'begin', 'prove', 'prove'], plan);
    twin.file('staging/shop/orders-8/nb-7-big-Data.db', 'strange', { uid: owner });
    await placing(twin, data, ['prove!', 'place!']);
    twin.remove('staging/shop/orders-8/nb-7-big-Data.db');
    twin.remove(staged);
    await placing(twin, data, ['prove!', 'place!']);
    twin.file(staged, 'orders', { uid: owner });
    await placing(twin, data, ['place', 'prove!']);
    twin.remove(`${data}/shop/orders-2/nb-1-big-Data.db`);
    twin.file(journal(data, 'phase'), 'placing\n', { uid: owner });
    await placing(twin, data, ['place!', 'undo']);
  },
  'a journal of a version that did not note the files': async (twin) => {
    const { data, plan } = restoreOf(twin);
    await placing(twin, data, ['begin'], plan);
    twin.remove(journal(data, 'files'));
    twin.remove('staging/shop/orders-8/nb-1-big-Data.db');
    await placing(twin, data, ['prove', 'place', 'undo']);
  },
  'directories that cannot be worked in': async (twin) => {
    const { data, plan } = restoreOf(twin);
    twin.dir(`${data}/shop/users-1`, { uid: 0 });
    await placing(twin, data, ['begin!'], plan);
    twin.dir(`${data}/shop/users-1`, { uid: owner });
    twin.dir(`${twin.other}/away`, { uid: owner });
    twin.link(`${twin.other}/away`, `${data}/shop/users-1/.other_index`, owner);
    await placing(twin, data, ['begin!'], plan);
  },
  'the last step of a copy between disks': async (twin) => {
    const into = twin.dir('into');
    const one = twin.file('one', 'same');
    const two = twin.file('two', 'another');
    twin.file('into/one', 'same');
    twin.file('into/two', 'differs');
    await twin.same(['sh', '-c', dropCopiesScript, into, one]);
    await twin.same(['sh', '-c', dropCopiesScript, into, two]);
    await twin.same(['sh', '-c', dropCopiesScript, into, one]);
  },
  'the record of grace periods': async (twin) => {
    const data = twin.dir('data', { uid: owner });
    await twin.script(readGraceScript, [`${data}/.sstash-grace`]);
    await twin.script(writeGraceScript, [data, '.sstash-grace'], { input: 'ks\tt\t1\t2\n', owner: true });
    await twin.script(readGraceScript, [`${data}/.sstash-grace`]);
    await twin.script(writeGraceScript, [data, '.sstash-grace'], { input: '', owner: true });
    twin.link('elsewhere', 'data/.sstash-grace');
    await twin.script(readGraceScript, [`${data}/.sstash-grace`]);
    await twin.script(writeGraceScript, [data, '.sstash-grace'], { input: 'x\n' });
    await twin.script(writeGraceScript, [`${data}/none`, '.sstash-grace'], { input: 'x\n', normal: drawn });
    twin.dir('data', { uid: 0 });
    await twin.script(writeGraceScript, [data, '.sstash-grace'], { input: 'x\n', owner: true, normal: drawn });
  },
  'the mark of what was placed': async (twin) => {
    const data = twin.dir('data', { uid: owner });
    twin.fifo('data/.sstash-placed');
    await twin.script(markPlacedScript, [`${data}/${mark}`], { owner: true });
    await twin.script(markPlacedScript, [`${data}/${mark}`]);
    await twin.script(markAgesScript, [`${data}/${mark}`, `${data}/none`], {
      normal: (text) => text.replaceAll(/^\d{1,2}$/gm, 'now'),
    });
    await twin.script(markPlacedScript, [`${data}/none/${mark}`], { normal: drawn });
    twin.dir('data/directory');
    await twin.script(markPlacedScript, [`${data}/directory`], { normal: drawn });
  },
  'the disks that files go to': async (twin) => {
    const data = twin.dir('data', { uid: owner });
    twin.file('data/system/local-7ad/nb-1-big-Data.db', 'x');
    const normal = (text: string, side: { device(path: string): string }): string =>
      text
        .replaceAll(new RegExp(`^${side.device(twin.root)}(?= |$)`, 'gm'), 'here')
        .replaceAll(new RegExp(`^${side.device(twin.other)}(?= |$)`, 'gm'), 'there')
        .replaceAll(/ \d+ \d+$/gm, ' KiB');
    await twin.script(readDisksScript, [`${twin.root}/staging/not/there`, data, `${twin.other}/d2/no`], { normal });
    twin.file(`${twin.other}/d2/system/local_metadata_log-1/nb-1-big-Data.db`, 'x');
    await twin.script(readDisksScript, [twin.other, data, `${twin.other}/d2`], { normal });
  },
  'files that are moved by a list': async (twin) => {
    for (const name of ['one', 'two words', "it's", 'four']) {
      twin.file(`from/${name}`, name, { mode: 0o640, uid: owner });
    }
    twin.dir('to');
    twin.dir(`${twin.other}/to`);
    twin.file('to/four', 'there already');
    const list = (...pairs: readonly (readonly [string, string])[]): string =>
      pairs.map(([from, to]) => `${twin.root}/from/${from}\n${twin.path(to)}\n`).join('');
    await twin.script(listFilesScript, [`${twin.root}/from`], { normal: (text) => text.split('\n').toSorted().join('\n') });
    await twin.script(listFilesScript, [`${twin.root}/none`]);
    await twin.script(moveFilesScript, [], {
      input: list(['one', 'to/uno'], ['two words', `${twin.other}/to/dos`], ["it's", `${twin.other}/to/it's`]),
    });
    await twin.script(moveFilesScript, [], { input: list(['four', 'to/four']) });
    await twin.script(moveFilesScript, [], { input: list(['gone', 'to/gone']), stderr: 'class' });
    await twin.script(moveFilesScript, [], { input: list(['four', `${twin.other}/none/x`]), stderr: 'class' });
  },
  'staged files that go to upload': async (twin) => {
    twin.file('staged/nb-1-big-Data.db', 'x');
    twin.file('staged/nb-2-big-Data.db', 'y');
    twin.dir('upload');
    twin.dir(`${twin.other}/upload`);
    await twin.script(moveToUploadScript, [`${twin.root}/staged`, `${twin.root}/upload`]);
    await twin.script(moveToUploadScript, [`${twin.root}/upload`, `${twin.other}/upload`]);
    twin.file('staged/nb-1-big-Data.db', 'again');
    await twin.script(moveToUploadScript, [`${twin.root}/staged`, `${twin.other}/upload`]);
  },
};

function drawn(text: string): string {
  return text.replaceAll(/(?<=\.)[A-Za-z0-9]{8}(?=')/g, 'XXXXXXXX');
}
