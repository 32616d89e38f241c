import assert from 'node:assert/strict';
import { lifeLineScript, becomeScript } from '../../../src/cluster/ssh/command-frame.ts';
import { holdNodeScript, placeFunctionScript, readLineScript } from '../../../src/cluster/placing/node-lock-script.ts';
import type { Cases } from './cases.ts';
import type { Talk } from './talk.ts';
import { owner, ranTexts, type Side, type Twin } from './twin.ts';

/** A node's lock, as a run asks for it: its first answer comes unasked. */
export function hold(twin: Twin, file: string, line: string, { seconds = '60', expected = 'first', by = true } = {}): Talk {
  return twin.talk(['sh', '-c', holdNodeScript, 'sh', file, seconds, line, expected], { owner: by });
}

/** What is said to have a directory held too. */
export const directory =
  (path: string) =>
  (side: Side): string =>
    `dir ${side.identity(path)} ${path}`;

export const holdingCases: Cases = {
  'a node is held for as long as somebody speaks': async (twin) => {
    const file = `${twin.dir('data', { uid: owner })}/.sstash-lock`;
    const first = hold(twin, file, 'first\tline');
    assert.equal(await first.hear(), 'said ok');
    assert.equal(await first.ask('beat 1'), 'said beat 1');
    twin.compare();
    const second = hold(twin, file, 'second');
    assert.equal(await second.hear(), 'said held first\tline');
    assert.equal(await second.end(), 'it has ended');
    assert.equal(await first.ask('beat 2  \\x'), String.raw`said beat 2  \x`);
    assert.equal(await first.end(), 'it has ended');
    twin.compare();
    const taken = hold(twin, file, 'second', { expected: 'again' });
    assert.equal(await taken.hear(), 'said taken first\tline');
    assert.equal(await taken.end(), 'it has ended');
    const again = hold(twin, file, 'first\tline', { expected: 'again' });
    assert.equal(await again.hear(), 'said ok');
    assert.equal(await again.end(), 'it has ended');
    twin.compare();
  },
  'whose file was removed or exchanged does not hold the node': async (twin) => {
    const file = `${twin.dir('data', { uid: owner })}/.sstash-lock`;
    const first = hold(twin, file, 'first');
    assert.equal(await first.hear(), 'said ok');
    twin.remove(file);
    assert.equal(await first.ask('beat 1'), `said other ${file}`);
    const second = hold(twin, file, 'second');
    assert.equal(await second.hear(), 'said ok');
    assert.equal(await first.ask('beat 2'), `said other ${file}`);
    assert.equal(await second.ask('beat 1'), 'said beat 1');
    assert.equal(await first.end(), 'it has ended');
    twin.remove(file);
    twin.link('elsewhere', file, owner);
    assert.equal(await second.ask('beat 2'), `said other ${file}`);
    assert.equal(await second.end(), 'it has ended');
    twin.remove(file);
    const again = hold(twin, file, 'second', { expected: 'again' });
    assert.equal(await again.hear(), 'said taken ');
    assert.equal(await again.end(), 'it has ended');
    twin.compare();
  },
  'the file that a name leads to': async (twin) => {
    ranTexts.add(placeFunctionScript);
    const file = twin.file('a file', 'x');
    const link = twin.link(file, 'link');
    const text = `${placeFunctionScript}\nplace "$1"; for f; do stays "$f" "$(place "$1")"; echo "$?"; done; stays "$4" ''; echo "$?"`;
    const normal = (said: string, side: Side): string => said.replace(side.identity(file), 'IDENTITY');
    await twin.script(text, [file, link, twin.file('other', 'x'), `${twin.root}/none`], { normal });
  },
  'who is not heard of any more frees it': async (twin) => {
    const file = `${twin.dir('data', { uid: owner })}/.sstash-lock`;
    const silent = hold(twin, file, 'silent', { seconds: '1' });
    assert.equal(await silent.hear(), 'said ok');
    assert.equal(await silent.hear(), 'it has ended');
    const next = hold(twin, file, 'next');
    assert.equal(await next.hear(), 'said ok');
    assert.equal(await next.end(), 'it has ended');
    twin.compare();
  },
  'a staging directory is held with the node': async (twin) => {
    const file = `${twin.dir('data', { uid: owner })}/.sstash-lock`;
    const stage = twin.dir("it's a stage", { uid: owner });
    const bad = twin.dir('bad', { uid: owner });
    twin.link('/etc/passwd', 'bad/.sstash-lock', owner);
    const closed = twin.dir('closed', { mode: 0o755 });
    const first = hold(twin, file, 'first');
    assert.equal(await first.hear(), 'said ok');
    assert.equal(await first.ask(`dir 1:1 ${stage}`), 'said no other');
    assert.equal(await first.ask(directory(bad)), 'said no link');
    assert.equal(await first.ask(directory(stage)), 'said ok');
    twin.compare();
    const other = hold(twin, `${twin.dir('data2', { uid: owner })}/.sstash-lock`, 'other');
    assert.equal(await other.hear(), 'said ok');
    assert.equal(await other.ask(directory(stage)), 'said held first');
    assert.equal(await other.ask(directory(closed)), await other.ask(directory(closed)));
    assert.equal(await other.ask('beat 1'), 'said beat 1');
    assert.equal(await first.end(), 'it has ended');
    twin.compare();
    assert.equal(await other.ask(directory(stage)), 'said ok');
    assert.equal(await other.end(), 'it has ended');
    twin.compare();
  },
  'where there can be no lock': async (twin) => {
    const said = async (file: string, by = true): Promise<string> => {
      const talk = hold(twin, file, 'line', { by });
      const answer = await talk.hear();
      assert.equal(await talk.end(), 'it has ended');
      twin.compare();
      return answer;
    };
    const data = twin.dir('data', { uid: owner });
    twin.dir('foreign');
    assert.equal(await said(data), 'said no file');
    assert.equal(await said(twin.link('data', 'link')), 'said no link');
    assert.match(await said(`${twin.root}/foreign/lock`), /^said no made \w+ Permission denied$/);
    assert.match(await said(`${data}/none/lock`), /^said no made \w+ \w/);
    twin.file('data/of root', 'line');
    assert.match(await said(`${data}/of root`), /^said no closed \w+ root$/);
    assert.equal(await said(`${data}/of root`, false), 'said ok');
  },
  'one line, and no more': async (twin) => {
    for (const input of ['  a \\b \nmore', 'without an end', '', '\n']) {
      await twin.script(readLineScript, [], { input });
    }
  },
  'a command that reads nothing lives as long as its channel': async (twin) => {
    ranTexts.add(lifeLineScript.name);
    const normal = (text: string): string => text.replace(/(?<=nonce) \d+ .*/, ' process');
    const start = (text: string): Talk =>
      twin.talk(['sh', '-c', becomeScript(['sh', '-c', text, 'sh', twin.root], 'nonce', { input: false })], { normal });
    const well = start('cat; echo well');
    assert.equal(await well.hear(), 'said \u001enonce process');
    assert.deepEqual([await well.hear(), await well.hear()], ['said well', 'it has ended']);
    const silent = start('echo began; sleep 60; touch "$1/never"');
    assert.equal(await silent.hear(), 'said \u001enonce process');
    assert.equal(await silent.hear(), 'said began');
    assert.match(await silent.end(), /was ended by SIGTERM/);
    const leaves = start('{ sleep 0.5; touch "$1/left"; } >/dev/null 2>&1 & echo well');
    assert.equal(await leaves.hear(), 'said \u001enonce process');
    assert.deepEqual([await leaves.hear(), await leaves.hear()], ['said well', 'it has ended']);
    await leaves.end();
    await twin.until('left');
    twin.compare();
    // Only a shell that leads a group has one to end.
    const inner = becomeScript(['sh', '-c', 'cat; echo in'], 'nonce', { input: false });
    await twin.script('sh -c "$1"; echo "$?"', [inner], { input: '', normal });
  },
};
