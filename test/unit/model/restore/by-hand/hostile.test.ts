/** Whatever a node or the bucket says, a printed script calls the programs that it is meant to call, with the words that were meant. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { rootShell } from '../../../../../src/cluster/ssh/root-shell.ts';
import { BackupError } from '../../../../../src/model/errors.ts';
import { hasHidden } from '../../../../../src/model/visible.ts';
import { endsWith } from '../../../../../src/model/node/shell-text.ts';
import { type RefreshNode, refreshScript } from '../../../../../src/model/restore/by-hand/refresh.ts';
import { type RestartNode, restartScript } from '../../../../../src/model/restore/by-hand/restart.ts';
import { hostileLine, hostileText, shells } from '../../../../support/hostile.ts';
import { storedOf, tableOf } from '../../../../support/manifests.ts';
import { temporaryDirectory } from '../../../../support/temporary.ts';

const secret = '0123456789abcdef01234567';
const endOf = endsWith(secret);
/** What somebody knows who has read this program, and not what it draws. */
const ends = ['SSTASH', 'PLACE', endsWith('0'.repeat(16))('SSTASH'), endsWith('0'.repeat(16))('PLACE')];

/** Programs that write down how they were called, each call in a record; `ssh` runs what it is given, as the node would. */
function stubs(root: string, shell: readonly string[]): { readonly bin: string; readonly log: string } {
  const [bin, log] = [join(root, 'bin'), join(root, 'log')];
  mkdirSync(bin);
  const call = `{ printf '%s\\0' "\${0##*/}" "$@"; printf '\\036'; } >>'${log}'`;
  const says: Readonly<Record<string, string>> = {
    stat: 'echo 7',
    id: 'echo 7',
    ssh: 'exec sh -s',
    find: ':',
    date: 'echo 2026',
  };
  const names = 'nodetool systemctl service mkdir find mv cp rm touch stat id ls date setpriv runuser dirname ssh'.split(' ');
  for (const name of names) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${call}\n${says[name] ?? ':'}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const [program = '', ...args] = shell;
  const found = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' }).stdout.trim();
  if (args.length === 0 && program !== 'busybox') {
    symlinkSync(found, join(bin, 'sh'));
  } else {
    writeFileSync(join(bin, 'sh'), `#!/bin/sh\nexec ${[found, ...args].join(' ')} "$@"\n`);
    chmodSync(join(bin, 'sh'), 0o755);
  }
  return { bin, log };
}

interface Story {
  readonly user: string;
  readonly host: string;
  readonly words: readonly string[];
  readonly path: string;
  readonly keyspace: string;
  readonly table: string;
  readonly component: string;
}

function storyOf(text: fc.Arbitrary<string>): fc.Arbitrary<Story> {
  return fc.record({
    user: text,
    host: text,
    words: fc.array(text, { maxLength: 2 }),
    path: text.map((each) => `/${each}`),
    keyspace: text,
    table: text,
    component: text.map((each) => `nb-1-big-${each}`),
  });
}

type NodeOf = (story: Story, root: string) => RestartNode & RefreshNode;

const nodeOf: NodeOf = ({ user, host, words, path, component, keyspace, table }, root) => ({
  host,
  shell: rootShell({ host, user, knownHosts: [`${path}/known hosts`], hostKeyChecking: 'strict', sudo: {}, privateKey: path }),
  stagingDirectory: `${root}${path}/staging`,
  dataDirectories: [`${root}${path}/data`, `${root}${path}/data2`],
  localSystemDirectory: undefined,
  parts: [
    {
      disk: `${root}${path}/data2`,
      directory: '',
      table: { ...tableOf(keyspace, table, 1), files: [storedOf(component), storedOf('nb-1-big-Data.db')] },
    },
  ],
  commitlogDirectory: `${root}${path}/commitlog`,
  hintsDirectory: `${root}${path}/hints`,
  savedCachesDirectory: `${root}${path}/caches`,
  dataUser: process.getuid?.() ?? 0,
  nodetool: ['nodetool', ...words],
});

/** The argv of every call of a program. */
function callsOf(log: string, program: string): readonly (readonly string[])[] {
  if (!existsSync(log)) {
    return [];
  }
  const records = readFileSync(log, 'utf8').split('\u001e').slice(0, -1);
  return records.map((record) => record.split('\0').slice(0, -1)).filter(([name]) => name === program);
}

const tablesOf = ({ keyspace, table }: Story) => [
  { ...tableOf(keyspace, table, 1), liveId: tableOf(keyspace, table, 2).id },
  { ...tableOf(keyspace, `${table}2`, 3) },
];

const scripts = {
  restart: (story: Story, root: string) => restartScript([nodeOf(story, root)], tablesOf(story), endOf),
  refresh: (story: Story, root: string) => refreshScript([nodeOf(story, root)], tablesOf(story), endOf),
} as const;

async function ground(t: TestContext, shell: readonly string[]) {
  const root = await temporaryDirectory(t);
  return { root, canary: join(root, 'canary'), ...stubs(root, shell) };
}

for (const shell of shells) {
  for (const [name, scriptOf] of Object.entries(scripts)) {
    test(`${name}, read by ${shell.join(' ')}: hostile words are words, and nothing else is called`, async (t) => {
      const { root, canary, bin, log } = await ground(t, shell);
      fc.assert(
        fc.property(storyOf(hostileLine(canary, ends)), (story) => {
          rmSync(log, { force: true });
          const [program, ...args] = shell;
          const script = scriptOf(story, root);
          const options = { env: { PATH: bin, HOME: root }, cwd: root, encoding: 'utf8', input: script } as const;
          const found = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { encoding: 'utf8' }).stdout.trim();
          const run = spawnSync(found, [...args, ...(name === 'restart' ? ['-c', script] : ['-s'])], options);
          assert.ok(!existsSync(canary), script);
          assert.doesNotMatch(run.stderr, /syntax error|not found|unexpected/i, script);
          for (const argv of callsOf(log, 'ssh')) {
            assert.deepEqual(argv.slice(-6), ['--', `${story.user}@${story.host}`, 'sudo', '-n', 'sh', '-s']);
            assert.deepEqual(argv.slice(1, 3), ['-i', story.path]);
          }
          assert.ok(callsOf(log, 'ssh').length >= 1);
          for (const [, ...argv] of callsOf(log, 'nodetool')) {
            const refresh = ['refresh', '--load-and-stream', '--', story.keyspace, story.table];
            assert.deepEqual(argv, [...story.words, ...(name === 'restart' ? ['drain'] : refresh)]);
          }
          if (name === 'restart') {
            assert.equal(callsOf(log, 'nodetool').length, 1, run.stderr);
            const [touched = []] = callsOf(log, 'touch');
            assert.deepEqual(touched.slice(1), [`${root}${story.path}/data/.sstash-placed`], run.stderr);
          }
        }),
        { numRuns: 20 },
      );
    });
  }
}

test('a line end or another control character in any of the words refuses the script, or stands in a comment as an escape', () => {
  const canary = '/tmp/never-made';
  fc.assert(
    fc.property(storyOf(hostileText(canary, ends)), fc.constantFrom(...Object.values(scripts)), (story, scriptOf) => {
      let script;
      try {
        script = scriptOf(story, '');
      } catch (error) {
        assert.ok(error instanceof BackupError, String(error));
        assert.ok(
          !Object.values(story)
            .flat()
            .every((text) => !hasHidden(text)),
        );
        assert.ok(!hasHidden(error.message));
        return;
      }
      assert.ok(script.split('\n').every((text) => !hasHidden(text)));
      // The end of each here-document is there as often as one is begun.
      for (const end of [endOf('SSTASH'), endOf('PLACE')]) {
        const begun: number = script.split(`<<'${end}'`).length;
        assert.equal(script.split('\n').filter((line) => line === end).length + 1, begun);
      }
    }),
    { numRuns: 500 },
  );
});

test('the ends of a script are random, and a text that holds one is refused', () => {
  assert.throws(() => endsWith('SSTASH'), BackupError);
  const story: Story = { user: 'u', host: 'h', words: [], path: '/p', keyspace: 'k', table: 't', component: 'nb-1-big-Data.db' };
  assert.match(restartScript([nodeOf(story, '')], tablesOf(story), endOf), new RegExp(`<<'PLACE_${secret}'`));
});
