import { listDataLinksScript } from '../../../src/cluster/files/data-links.ts';
import { findOwnerScript } from '../../../src/cluster/files/as-owner.ts';
import { listFilesOfScript, listTablesScript, readFilesScript } from '../../../src/cluster/files/component-search.ts';
import { findInScript, findLinks, listLinksScript } from '../../../src/cluster/files/find-links.ts';
import { removeFilesScript } from '../../../src/cluster/files/incremental-files.ts';
import { listLiveFilesScript } from '../../../src/cluster/files/live-files.ts';
import { readFromScript, readPlainScript } from '../../../src/cluster/files/plain-files.ts';
import { readInScript } from '../../../src/cluster/files/small-files.ts';
import { tableDirectoriesScript } from '../../../src/cluster/files/table-directories.ts';
import type { Command, Remote } from '../../../src/cluster/remote.ts';
import { never } from '../../support/never.ts';
import type { Cases } from './cases.ts';
import { owner, type Twin } from './twin.ts';

/** What Cassandra has in a data directory, with names that are awkward, and links where operators put them. */
function dataOf(twin: Twin, uid = 0): string {
  const data = twin.dir('data', { uid });
  const first = 'data/shop/users-0a';
  twin.file(`${first}/nb-1-big-Data.db`, 'rows', { uid });
  twin.file(`${first}/nb-1-big-TOC.txt`, 'Data.db\nTOC.txt\n', { uid });
  twin.file(`${first}/nb-2-big-Data.db`, '', { uid });
  twin.hard(`${first}/nb-1-big-Data.db`, `${first}/snapshots/tag/nb-1-big-Data.db`, uid);
  twin.hard(`${first}/nb-1-big-TOC.txt`, `${first}/snapshots/tag/nb-1-big-TOC.txt`, uid);
  twin.file(`${first}/snapshots/tag/manifest.json`, '{}', { uid });
  twin.file(`${first}/snapshots/tag/schema.cql`, 'CREATE', { uid });
  twin.file(`${first}/snapshots/tag/.users_email/nb-1-big-Data.db`, 'index', { uid });
  twin.file(`${first}/snapshots/other tag/nb-9-big-Data.db`, 'x', { uid });
  twin.hard(`${first}/nb-1-big-Data.db`, `${first}/backups/nb-1-big-Data.db`, uid);
  twin.file(`${first}/.users_email/nb-7-big-Data.db`, 'live index', { uid });
  twin.file("data/it's ks/odd\nname-1/grüße", 'ü', { uid });
  twin.dir('data/empty', { uid });
  twin.dir('data/shop/none-3', { uid });
  twin.dir('data/lost+found/deep/er', { mode: 0o700 });
  twin.file('elsewhere/orders-2/nb-1-big-Data.db', 'moved', { uid });
  twin.dir('elsewhere', { uid });
  twin.dir('elsewhere/orders-2', { uid });
  twin.link(`${twin.root}/elsewhere/orders-2`, 'data/shop/orders-2', uid);
  twin.link('nowhere', 'data/shop/dangling-4', uid);
  twin.link('users-0a/nb-1-big-Data.db', 'data/shop/tofile-5', uid);
  twin.file('data/shop/users-0a/snapshots/tag/deep/er/file', 'too deep', { uid });
  twin.link('../../nb-1-big-Data.db', `${first}/snapshots/tag/linked.db`, uid);
  return data;
}

/** What the product itself puts behind a script. */
async function argumentsOf(run: (remote: Remote) => AsyncIterable<unknown>): Promise<Command> {
  let seen: Command = [''];
  const remote: Remote = {
    host: 'h',
    run: () => Promise.reject(new Error('nothing is run')),
    read: (command) => {
      seen = command;
      return (async function* none(): AsyncGenerator<Uint8Array> {})();
    },
    close: async () => {},
  };
  for await (const _ of run(remote)) {
    // It only has to ask.
  }
  return seen;
}

const sorted =
  (end = '\0') =>
  (text: string): string =>
    text.split(end).toSorted().join(end);

export const filesCases: Cases = {
  'the links of a snapshot, and those of backups': async (twin) => {
    const data = dataOf(twin);
    for (const place of [{ snapshot: 'tag' }, { snapshot: 'other tag' }, { snapshot: 'none' }, 'backups'] as const) {
      const command = await argumentsOf((remote) => findLinks(remote, data, place, never));
      await twin.same(command, { normal: sorted() });
      await twin.same(command.map((word) => (word === data ? `${data}/gone` : word)) as unknown as Command);
    }
    await twin.script(findInScript, [data, '.', '-maxdepth', '2', '-type', 'd'], { normal: sorted('\n') });
    await twin.script(listLinksScript, [`${data}/shop/users-0a/backups`, `${data}/shop`], { normal: sorted() });
    await twin.script(listLinksScript, [`${data}/none`]);
  },
  'a directory that its reader may not enter': async (twin) => {
    const data = dataOf(twin, owner);
    twin.dir('data/shop/users-0a/snapshots/tag', { uid: 0, mode: 0o700 });
    const command = await argumentsOf((remote) => findLinks(remote, data, { snapshot: 'tag' }, never));
    await twin.same(command, { owner: true });
    await twin.script(listLiveFilesScript, [data], { owner: true, normal: sorted() });
    await twin.script(listTablesScript, [data, listFilesOfScript], { owner: true, input: 'shop/users-0a\0', normal: sorted() });
    await twin.script(tableDirectoriesScript, [data], { owner: true, normal: sorted() });
  },
  'live files, all files of tables, and directories of tables': async (twin) => {
    const data = dataOf(twin);
    await twin.script(listLiveFilesScript, [data], { normal: sorted() });
    await twin.script(listLiveFilesScript, [`${data}/none`]);
    await twin.script(listTablesScript, [data, listFilesOfScript], {
      input: "shop/users-0a\0shop/orders-2\0shop/gone\0it's ks/odd\nname-1\0",
      normal: sorted(),
    });
    await twin.script(listTablesScript, [`${data}/none`, listFilesOfScript], { input: 'x\0' });
    await twin.script(tableDirectoriesScript, [data, `${twin.root}/elsewhere`], { normal: sorted() });
    await twin.script(tableDirectoriesScript, [data, `${data}/none`], { normal: sorted() });
  },
  'a loop of links': async (twin) => {
    const data = dataOf(twin);
    twin.link('..', 'data/shop/loop-6');
    twin.link('self', 'data/shop/self');
    await twin.script(listLiveFilesScript, [data], { normal: sorted(), stderr: 'class' });
    await twin.script(listTablesScript, [data, listFilesOfScript], { input: 'shop\0', normal: sorted(), stderr: 'class' });
  },
  'small files, one after the other': async (twin) => {
    const data = dataOf(twin);
    const first = `${data}/shop/users-0a`;
    twin.fifo('data/shop/users-0a/pipe');
    const read = (...names: readonly string[]) => ({ input: names.map((name) => `${name}\0`).join('') });
    await twin.script(readInScript, [first], read('nb-1-big-TOC.txt', 'nb-2-big-Data.db', 'nb-1-big-Data.db'));
    await twin.script(readInScript, [first], read('nb-1-big-TOC.txt', 'gone', 'nb-1-big-Data.db'));
    await twin.script(readInScript, [first], read('snapshots/tag/linked.db'));
    await twin.script(readInScript, [first], read('nb-1-big-TOC.txt', 'pipe'));
    await twin.script(readInScript, [first], read('snapshots'));
    await twin.script(readInScript, [`${first}/none`], read('x'));
    await twin.script(readPlainScript, [`${first}/nb-1-big-Data.db`, `${data}/it's ks/odd\nname-1/grüße`]);
    await twin.script(readPlainScript, []);
    await twin.script(readFilesScript, [
      `${first}/nb-1-big-Data.db`,
      `${first}/gone`,
      `${first}/snapshots/tag/linked.db`,
      `${first}/pipe`,
      first,
    ]);
    await twin.same(['xargs', '-0', 'sh', '-c', readFilesScript, 'sh'], read(`${first}/nb-1-big-TOC.txt`, `${first}/-odd`));
    await twin.same(['xargs', '-0', 'sh', '-c', readPlainScript, 'sh'], { input: '' });
  },
  'a file as the input of a program': async (twin) => {
    const data = dataOf(twin);
    const first = `${data}/shop/users-0a`;
    await twin.script(readFromScript, [`${first}/nb-1-big-TOC.txt`, 'cat']);
    await twin.script(readFromScript, [`${first}/nb-2-big-Data.db`, 'cat']);
    await twin.script(readFromScript, [`${first}/snapshots/tag/linked.db`, 'cat']);
    await twin.script(readFromScript, [first, 'cat']);
    await twin.script(readFromScript, [`${first}/gone`, 'cat']);
    twin.dir('secret', { mode: 0o755 });
    twin.file('secret/of root', 'x', { mode: 0o600 });
    await twin.script(readFromScript, [`${twin.root}/secret/of root`, 'cat'], { owner: true });
  },
  'files that are removed by their names': async (twin) => {
    const data = dataOf(twin);
    await twin.script(removeFilesScript, [data], { input: 'shop/users-0a/backups/nb-1-big-Data.db\0shop/gone\0' });
    await twin.script(removeFilesScript, [data], { input: 'shop/users-0a/backups\0' });
    await twin.script(removeFilesScript, [data], { input: '' });
    await twin.script(removeFilesScript, [data], { owner: true, input: 'shop/users-0a/nb-2-big-Data.db\0' });
    await twin.script(removeFilesScript, [`${data}/none`], { input: 'x\0' });
  },
  'links in the places of keyspaces and tables': async (twin) => {
    const data = dataOf(twin, owner);
    twin.link(`${twin.root}/elsewhere`, 'data/moved', 0);
    twin.link('/root', "data/it's ks/foreign-7", owner);
    twin.dir(`${twin.other}/disk`, { uid: owner });
    twin.link(`${twin.other}/disk`, 'data/shop/users-0a/snapshots/../../other-8', owner);
    const room = (text: string): string =>
      text
        .split('\0')
        .map((field) => (/^\d{4,}$/.test(field) ? 'KiB' : field))
        .join('\0');
    const normal = (text: string, side: { device(path: string): string }): string =>
      room(
        text.replaceAll(`\0${side.device(twin.root)}\0`, '\0here\0').replaceAll(`\0${side.device(twin.other)}\0`, '\0there\0'),
      );
    await twin.script(listDataLinksScript, [data, `${twin.root}/none`], { normal });
    await twin.script(listDataLinksScript, [data], { normal, owner: true });
    await twin.script(listDataLinksScript, [`${twin.root}/none`], { normal });
  },
  'who the owner of the data is, and how root becomes him': async (twin) => {
    await twin.script(findOwnerScript, [String(owner)]);
    await twin.script(findOwnerScript, ['0']);
    await twin.script(findOwnerScript, ['4242']);
    await twin.script(findOwnerScript, ['cassandra']);
    await twin.script(findOwnerScript, [String(owner)], { owner: true });
  },
};
