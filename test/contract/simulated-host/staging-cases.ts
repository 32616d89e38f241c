import {
  chooseStagingScript,
  clearIncomingScript,
  enterFunctionScript,
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

function openIn(twin: Twin): {
  readonly data: string;
  readonly stage: string;
  readonly open: (words?: readonly string[], by?: { readonly owner: boolean }) => Promise<unknown>;
} {
  const data = twin.dir('var/data/shop', { uid: owner }).replace(/\/shop$/, '');
  twin.dir('var/data', { uid: owner });
  twin.dir('var', { uid: owner });
  const stage = `${twin.root}/var/stage`;
  const open = (words: readonly string[] = ['make', label, stage, data], by = { owner: true }): Promise<unknown> =>
    twin.script(openStagingScript, words, { normal: numberless, ...by });
  return { data, stage, open };
}

async function landing(
  twin: Twin,
): Promise<{ readonly stage: string; readonly place: (rest: readonly string[]) => (side: Side) => readonly string[] }> {
  const { stage, open } = openIn(twin);
  await open();
  return { stage, place: (rest) => (side) => [stage, side.identity(stage), ...rest] };
}

export const stagingCases: Cases = {
  'a directory is made, found again, and emptied for another backup': async (twin) => {
    const { stage, data, open } = openIn(twin);
    await open(['look', label, stage, data]);
    await open();
    twin.file(`${stage}/shop/users-1/nb-1-big-Data.db`, 'staged', { uid: owner });
    twin.file(`${stage}/.sstash-incoming/1/shop/users-1/half`, 'half', { uid: owner });
    twin.file(`${stage}/.sstash-restore.abcdefgh`, 'left', { uid: owner });
    await open(['look', label, stage, data]);
    await open();
    await open();
    await open(['make', `${label}2`, stage, data]);
    await open(['make', label, `${stage}/deeper/still`, data]);
    await open(['make', label, `${stage}//odd/./way/`, data]);
  },
  'by root, of his own': async (twin) => {
    const { stage, data, open } = openIn(twin);
    await open(['make', label, stage, data], { owner: false });
    await open(['make', label, `${twin.root}/mine`, data], { owner: false });
    await open(['make', label, `${twin.root}/mine`], { owner: false });
    await open(['look', label, `${twin.root}/mine/below`], { owner: false });
  },
  'a directory that is refused': async (twin) => {
    const { stage, data, open } = openIn(twin);
    await open(['make', label, 'relative', data]);
    await open(['make', label, `${data}/shop/below`, data]);
    await open(['make', label, `${twin.root}/var`, data]);
    await open(['make', label, `${data}/.sstash-staging`, data]);
    await open(['make', label, stage, `${twin.root}/none`]);
    await open(['make', label, `${twin.root}/of root/new`, data]);
    twin.dir('of root');
    await open(['make', label, `${twin.root}/of root`, data]);
    await open(['make', label, `${twin.root}/of root/new`, data]);
    twin.dir('closed', { mode: 0o700 });
    await open(['make', label, `${twin.root}/closed/x`, data]);
    twin.link(data, 'var/link', owner);
    await open(['make', label, `${twin.root}/var/link`, data]);
    await open(['make', label, `${twin.root}/var/link/x`, data]);
    twin.file('var/foreign/file', 'x', { uid: owner });
    await open(['make', label, `${twin.root}/var/foreign`, data]);
    twin.dir('var/open', { uid: owner, mode: 0o777 });
    await open(['make', label, `${twin.root}/var/open`, data]);
    await open(['make', label, `${twin.root}/var/open/below`, data]);
    twin.file('var/kept/.sstash-restore', 'other\n', { uid: owner });
    twin.dir('var/kept/dir', { uid: 0 });
    twin.file('var/kept/dir/file', 'of root');
    await open(['make', label, `${twin.root}/var/kept`, data]);
    twin.link('/tmp/nowhere', 'var/dangling', owner);
    await open(['make', label, `${twin.root}/var/dangling/x`, data]);
    twin.file('var/marked/.sstash-restore', `${label}\n`, { uid: owner });
    twin.file("var/marked/it's\n/x y", 'data', { uid: owner });
    await open(['make', label, `${twin.root}/var/marked`, data]);
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
    await twin.script(removeStagingScript, [stage, '1:1'], asOwner);
    await twin.script(removeStagingScript, place([]), asOwner);
    ranTexts.add(enterFunctionScript);
    await twin.script(`${enterFunctionScript}\nenter "$1" "$2"; umask; pwd -P`, (side) => [twin.root, side.identity(twin.root)]);
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
