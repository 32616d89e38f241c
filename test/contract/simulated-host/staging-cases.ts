import assert from 'node:assert/strict';
import {
  chooseStagingScript,
  clearIncomingScript,
  enterFunctionScript,
  listStagedScript,
  noteEmptiedScript,
  openStagingScript,
  removeStagingScript,
} from '../../../src/cluster/placing/staging-script.ts';
import { trustedWayFunctionScript } from '../../../src/model/node/owner-shell.ts';
import { tarOf } from '../../../src/transfer/relay/tar.ts';
import { extractScript, unpackAndSumScript, unpackScript, writeScript } from '../../../src/transfer/relay/download.ts';
import { placeUnitScript } from '../../../src/transfer/relay/landing.ts';
import { encodeBlocks } from '../../../src/codec/lzop/block-encode.ts';
import { encodeHeader, endOfMember } from '../../../src/codec/lzop/format.ts';
import { openLzo1x } from '../../../src/codec/lzo/lzo1x.ts';
import { lzop, mixture } from '../../support/lzop.ts';
import type { Cases } from './cases.ts';
import { owner, ranTexts, type Side, type Twin } from './twin.ts';

const label = 's3://bucket/backup/1';
const asOwner = { owner: true, normal: numberless };

/** Device, inode and free room are each host's own. */
function numberless(text: string): string {
  return text.replaceAll(/\b\d+:\d+\b/g, 'identity').replaceAll(/(?<=\0)\d{5,}(?=\0)/g, 'KiB');
}

/** Opens a directory, and gives what the script says of it: `ok`, or what is the matter. */
type Open = (words: readonly string[], by?: { readonly owner: boolean }) => Promise<string>;

function openIn(twin: Twin): { readonly data: string; readonly stage: string; readonly open: Open } {
  const data = twin.dir('var/data/shop', { uid: owner }).replace(/\/shop$/, '');
  twin.dir('var/data', { uid: owner });
  twin.dir('var', { uid: owner });
  const stage = `${twin.root}/var/stage`;
  const open: Open = async (words, by = { owner: true }) => {
    const { stdout } = await twin.script(openStagingScript, words, { normal: numberless, ...by });
    return stdout.split('\0', 1)[0] ?? '';
  };
  return { data, stage, open };
}

async function landing(
  twin: Twin,
): Promise<{ readonly stage: string; readonly place: (rest: readonly string[]) => (side: Side) => readonly string[] }> {
  const { stage, data, open } = openIn(twin);
  assert.equal(await open(['make', 'no', label, stage, data]), 'ok');
  assert.equal(await open(['ready', 'no', label, stage, data]), 'ok');
  return { stage, place: (rest) => (side) => [stage, side.identity(stage), ...rest] };
}

export const stagingCases: Cases = {
  'a directory is made, made ready, and emptied for another backup': async (twin) => {
    const { stage, data, open } = openIn(twin);
    const said = async (verb: string, of = label, agreed = 'no'): Promise<string> => open([verb, agreed, of, stage, data]);
    assert.deepEqual([await said('look'), await said('make'), await said('look'), await said('make')], Array(4).fill('ok'));
    twin.file(`${stage}/.sstash-restore.abcdefgh`, 'left', { uid: owner });
    twin.dir(`${stage}/restore-0123456789ab`, { uid: owner });
    twin.file(`${stage}/.sstash-lock`, 'somebody', { uid: owner });
    assert.equal(await said('ready'), 'ok');
    twin.file(`${stage}/shop/users-1/nb-1-big-Data.db`, 'staged', { uid: owner });
    twin.file(`${stage}/.sstash-emptied`, 'shop.users\n', { uid: owner });
    twin.file(`${stage}/.sstash-incoming/1/shop/users-1/half`, 'half', { uid: owner });
    assert.deepEqual([await said('look'), await said('make'), await said('ready')], Array(3).fill('ok'));
    const other = `${label}2`;
    assert.deepEqual([await said('look', other), await said('make', other), await said('ready', other)], ['ok', 'ok', 'other']);
    assert.equal(await said('ready', other, 'yes'), 'ok');
    assert.equal(await said('ready', label), 'ok', 'nothing is in it that would be cleared');
    assert.equal(await open(['make', 'no', label, `${stage}/deeper/still`, data]), 'ok');
    assert.equal(await open(['make', 'no', label, `${stage}//odd/./way/`, data]), 'ok');
  },
  'what is in it and cannot be removed': async (twin) => {
    const { data, open } = openIn(twin);
    const kept = `${twin.root}/var/kept`;
    twin.file('var/kept/.sstash-restore', 'other\n', { uid: owner });
    twin.dir('var/kept', { uid: owner, mode: 0o750 });
    twin.dir('var/kept/dir', { uid: 0 });
    twin.file('var/kept/dir/file', 'of root');
    assert.equal(await open(['ready', 'no', label, kept, data]), 'other');
    assert.equal(await open(['ready', 'yes', label, kept, data]), 'kept');
    twin.dir('var/kept/.sstash-incoming', { uid: 0 });
    twin.file('var/kept/.sstash-incoming/file', 'of root');
    assert.equal(await open(['ready', 'yes', label, kept, data]), 'kept');
  },
  'by root, of his own': async (twin) => {
    const { stage, data, open } = openIn(twin);
    await open(['make', 'no', label, stage, data], { owner: false });
    await open(['make', 'no', label, `${twin.root}/mine`, data], { owner: false });
    await open(['make', 'no', label, `${twin.root}/mine`], { owner: false });
    await open(['look', 'no', label, `${twin.root}/mine/below`], { owner: false });
  },
  'a directory that is refused': async (twin) => {
    const { stage, data, open: ask } = openIn(twin);
    const said: string[] = [];
    const open = async (words: readonly string[]): Promise<unknown> => said.push(await ask(words));
    await open(['make', 'no', label, 'relative', data]);
    await open(['make', 'no', label, `${data}/shop/below`, data]);
    await open(['make', 'no', label, `${twin.root}/var`, data]);
    await open(['make', 'no', label, `${data}/.sstash-staging`, data]);
    await open(['make', 'no', label, stage, `${twin.root}/none`]);
    await open(['make', 'no', label, `${twin.root}/of root/new`, data]);
    twin.dir('of root');
    await open(['make', 'no', label, `${twin.root}/of root`, data]);
    await open(['make', 'no', label, `${twin.root}/of root/new`, data]);
    twin.dir('closed', { mode: 0o700 });
    await open(['make', 'no', label, `${twin.root}/closed/x`, data]);
    twin.link(data, 'var/link', owner);
    await open(['make', 'no', label, `${twin.root}/var/link`, data]);
    await open(['make', 'no', label, `${twin.root}/var/link/x`, data]);
    twin.file('var/foreign/file', 'x', { uid: owner });
    await open(['make', 'no', label, `${twin.root}/var/foreign`, data]);
    twin.dir('var/open', { uid: owner, mode: 0o777 });
    await open(['make', 'no', label, `${twin.root}/var/open`, data]);
    await open(['make', 'no', label, `${twin.root}/var/open/below`, data]);
    twin.file('var/kept/.sstash-restore', 'other\n', { uid: owner });
    twin.dir('var/kept/dir', { uid: 0 });
    twin.file('var/kept/dir/file', 'of root');
    await open(['make', 'no', label, `${twin.root}/var/kept`, data]);
    twin.link('/tmp/nowhere', 'var/dangling', owner);
    await open(['make', 'no', label, `${twin.root}/var/dangling/x`, data]);
    twin.file('var/marked/.sstash-restore', `${label}\n`, { uid: owner });
    twin.file("var/marked/it's\n/x y", 'data', { uid: owner });
    await open(['make', 'no', label, `${twin.root}/var/marked`, data]);
    const expected = 'relative live live ok nodata unmade owner unmade closed link live foreign open way ok closed ok';
    assert.equal(said.join(' '), expected);
  },
  'which of two places there is': async (twin) => {
    const { data } = openIn(twin);
    const choose = (beside: string, by = true): Promise<unknown> =>
      twin.script(chooseStagingScript, [beside, data], { owner: by });
    await choose(`${twin.root}/var/stage`);
    await choose(`${twin.root}/stage`);
    await choose(`${twin.root}/stage`, false);
    twin.dir('stage', { uid: owner });
    await choose(`${twin.root}/stage`);
    await choose(data);
  },
  'whether others have a say in a way': async (twin) => {
    openIn(twin);
    const text = `${trustedWayFunctionScript}\ntrusted_way "$1" "$2"; echo " $?"`;
    ranTexts.add(trustedWayFunctionScript);
    for (const path of ['', '/var', '/var/data', '/none']) {
      await twin.script(text, [`${twin.root}${path}`, String(owner)]);
      await twin.script(text, [`${twin.root}${path}`, '4242']);
    }
  },
  'half-done things are cleared, and the directory removed': async (twin) => {
    const { stage, place } = await landing(twin);
    twin.file(`${stage}/.sstash-incoming/7/x/y`, 'half', { uid: owner });
    await twin.script(clearIncomingScript, place(['0']), asOwner);
    await twin.script(clearIncomingScript, place(['1']), asOwner);
    await twin.script(clearIncomingScript, [`${stage}/none`, '1:1', '0'], asOwner);
    await twin.script(clearIncomingScript, [stage, '1:1', '0'], asOwner);
    twin.file(`${stage}/shop/users-1/Digest`, 'left', { uid: owner });
    twin.link('/etc', `${stage}/link`, owner);
    await twin.script(removeStagingScript, [stage, '1:1', 'own'], asOwner);
    twin.dir(`${stage}/.sstash-lock`, { uid: owner });
    const refused = await twin.script(removeStagingScript, place(['left']), asOwner);
    assert.match(refused.stderr, /is no file/);
    twin.dir(`${stage}/restore-0123456789ab`, { uid: owner });
    const kept = await twin.script(removeStagingScript, place(['own']), asOwner);
    assert.equal(kept.status, 0);
    twin.rmdir(`${stage}/restore-0123456789ab`);
    twin.file(`${stage}/.sstash-lock`, 'somebody', { uid: owner });
    assert.equal((await twin.script(removeStagingScript, place(['left']), asOwner)).status, 0);
    assert.equal(twin.has(stage), false);
    ranTexts.add(enterFunctionScript);
    await twin.script(`${enterFunctionScript}\nenter "$1" "$2"; umask; pwd -P`, (side) => [twin.root, side.identity(twin.root)]);
  },
  'a directory above that is only for such directories goes with the last': async (twin) => {
    for (const home of ['var/sstash_restore', 'var/data/.sstash-staging']) {
      openIn(twin);
      twin.dir(home, { uid: owner });
      const runs = ['restore-0123456789ab', 'restore-ba9876543210'].map((name) => twin.dir(`${home}/${name}`, { uid: owner }));
      for (const [index, run] of runs.entries()) {
        twin.file(`${run}/.sstash-restore`, label, { uid: owner });
        twin.file(`${run}/shop/users-1/nb-1-big-Data.db`, 'staged', { uid: owner });
        const words = (side: Side): readonly string[] => [run, side.identity(run), 'own'];
        assert.equal((await twin.script(removeStagingScript, words, asOwner)).status, 0);
        assert.equal(twin.has(home), index === 0);
      }
    }
  },
  'what is staged is listed, and what was emptied is noted': async (twin) => {
    const { stage, place } = await landing(twin);
    twin.file(`${stage}/shop/users-1/nb-1-big-Data.db`, 'staged', { uid: owner });
    twin.file(`${stage}/shop/users-1/.users_email/nb-1-big-Data.db`, '', { uid: owner });
    twin.file(`${stage}/.disk-1/it's shop/users 1/nb-2-big-Data.db`, 'ü', { uid: owner });
    twin.link('/etc/passwd', `${stage}/shop/users-1/link`, owner);
    const lines = (text: string): string => text.split('\n').toSorted().join('\n');
    const list = (input: string): Promise<{ readonly stdout: string }> =>
      twin.script(listStagedScript, place([]), { owner: true, input, normal: lines });
    assert.match((await list("shop/users-1\nnone\n.disk-1/it's shop/users 1\n")).stdout, /^6\tshop\/users-1\/nb-1-big-Data.db$/m);
    assert.equal((await list('')).stdout, '');
    await twin.script(listStagedScript, [stage, '1:1'], { owner: true, input: 'shop\n' });
    const note = (input: string): Promise<unknown> => twin.script(noteEmptiedScript, place([]), { ...asOwner, input });
    await note('shop.users\nshop.orders\n');
    await note('shop.orders\n');
    await note('');
    await note('');
    await twin.script(noteEmptiedScript, [stage, '1:1'], { ...asOwner, input: 'x.y\n' });
    twin.dir(`${stage}/.sstash-emptied`, { uid: owner });
    await twin.script(noteEmptiedScript, place([]), { ...asOwner, input: 'x.y\n', stderr: 'class' });
  },
  'files come as a tar, and get their names': async (twin) => {
    const { place } = await landing(twin);
    const files: Readonly<Record<string, string>> = {
      'shop/users-1/nb-1-big-Data.db': 'rows',
      'shop/users-1/.users_email/nb-1-big-Data.db': '',
      [`shop/users-1/${'long'.repeat(40)}-Data.db`]: 'x'.repeat(1000),
      'shop/größe-2/nb-1-big-Data.db': 'ü',
    };
    const entries = (async function* all() {
      for (const [path, text] of Object.entries(files)) {
        yield { path, body: Buffer.from(text) };
      }
    })();
    const parts: Uint8Array[] = [];
    for await (const part of tarOf(entries)) {
      parts.push(part);
    }
    const tar = Buffer.concat(parts);
    const list = Object.entries(files)
      .map(([path, text]) => `${Buffer.byteLength(text)}\t${path}`)
      .toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      .join('\n');
    const incoming = '.sstash-incoming/1';
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar });
    await twin.script(placeUnitScript, place([incoming]), { ...asOwner, input: list.replace(/^\d+/, '77') });
    await twin.script(placeUnitScript, place([incoming]), { ...asOwner, input: list });
    await twin.script(placeUnitScript, place([incoming]), { ...asOwner, input: list, stderr: 'class' });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar });
    await twin.script(placeUnitScript, place([incoming]), { ...asOwner, input: list });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar.subarray(0, 1300) });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar.subarray(0, 3900) });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar.subarray(0, 600) });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: tar.subarray(0, 300) });
    await twin.script(extractScript, place([incoming]), { ...asOwner, input: '' });
    await twin.script(extractScript, place(['.sstash-incoming/2']), { normal: numberless, input: tar });
  },
  'files come one by one': async (twin) => {
    const { stage, place } = await landing(twin);
    const lzo1x = openLzo1x();
    const plain = mixture(700_000);
    const container = Buffer.concat([encodeHeader('x'), encodeBlocks(lzo1x, plain).bytes, endOfMember]);
    const to = (path: string): ((side: Side) => readonly string[]) => place(['.sstash-incoming/1', path]);
    await twin.script(writeScript, to('shop/users-1/nb-1-big-Data.db'), { ...asOwner, input: plain });
    await twin.script(writeScript, to('shop/users-1/nb-1-big-Data.db'), { ...asOwner, input: 'anew' });
    await twin.script(unpackScript, to('shop/users-1/nb-2-big-Data.db'), { ...asOwner, input: container });
    await twin.script(unpackScript, to('shop/users-1/nb-3-big-Data.db'), { ...asOwner, input: await lzop(['-1', '-c'], plain) });
    await twin.script(unpackAndSumScript, to('shop/users-1/nb-4-big-Data.db'), { ...asOwner, input: container });
    await twin.script(unpackAndSumScript, to("shop/users-1/it's"), {
      ...asOwner,
      input: Buffer.concat([encodeHeader('x'), endOfMember]),
    });
    const broken = Buffer.from(container);
    broken.writeUInt8(broken.readUInt8(400_000) ^ 0xff, 400_000);
    const damage = { ...asOwner, normal: lzopless };
    await twin.script(unpackAndSumScript, to('x'), { ...damage, input: broken });
    await twin.script(unpackScript, to('y'), { ...damage, input: container.subarray(0, 300_000) });
    await twin.script(unpackScript, to('y'), { ...damage, input: Buffer.concat([container, Buffer.from('more')]) });
    await twin.script(unpackScript, to('z'), { ...damage, input: 'no container at all, whatever it says it is' });
    await twin.script(unpackScript, to('z'), { ...damage, input: '' });
    twin.link('/etc/passwd', `${stage}/.sstash-incoming/1/linked`, owner);
    await twin.script(writeScript, to('linked'), { ...asOwner, input: 'x' });
    twin.dir(`${stage}/.sstash-incoming/1/directory`, { uid: owner });
    await twin.script(writeScript, to('directory'), { ...asOwner, input: 'x' });
    await twin.script(writeScript, [stage, '1:1', '.sstash-incoming/1', 'x'], { ...asOwner, input: 'x' });
  },
};

/** How lzop words what it finds is its own. */
function lzopless(text: string): string {
  return text.replaceAll(/lzop: .*/g, 'lzop: something');
}
