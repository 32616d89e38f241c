import { type ListDocument, resultOf } from '../support/program.ts';
import { onHost } from '../support/sandbox.ts';
import { unfinishedUploads } from '../support/uploads.ts';
import { objectsBelow } from '../support/bucket.ts';
import { copyOf } from './live.ts';
import type { StepParts } from './steps.ts';
import { storedBackups } from './stored.ts';
import { keyspaces, nameOf, tables } from './tables.ts';

interface Found {
  readonly kind: string;
  readonly name: string;
  readonly host?: string;
}

/** Nothing fails any more: everything is finished, every backup reads whole and gives its rows back, and what was left behind is named and goes. */
export async function judgeEnd(parts: StepParts): Promise<void> {
  const { diary, live, operator, oracle, sandbox } = parts;
  const hosts = ['--hosts', sandbox.hosts.join(',')];
  await live.judge('all steps');
  await operator.runWhenFree(['backup', '-K', keyspaces.join(',')]);
  await operator.runWhenFree(['prune', '--keep-last', '50', '--grace', '0h', '--stale-after', '0h']);
  const { backups } = resultOf<ListDocument>(await operator.run(['list']));
  const stored = await storedBackups(operator.directory);
  const listed = backups.map(({ id, state }) => `${id} ${state}`).toSorted();
  const lying = stored.map(({ id, state }) => `${id} ${state}`).toSorted();
  if (JSON.stringify(listed) !== JSON.stringify(lying)) {
    diary.wrong(`list says ${listed.join(', ')}; in the bucket are ${lying.join(', ')}`);
  }
  const { problems = [] }: { problems?: readonly unknown[] } = JSON.parse(
    (await operator.run(['verify', '--all', '--read-data'])).stdout,
  );
  if (problems.length > 0) {
    diary.wrong(`verify finds ${JSON.stringify(problems)}`);
  }
  const complete = stored.filter(({ state }) => state === 'complete');
  // Those at both ends and two between.
  const some = complete.filter((_, index) => index % Math.ceil(complete.length / 4) === 0 || index === complete.length - 1);
  for (const { id, tables: names } of some) {
    const whole = tables.filter((table) => names.includes(nameOf(table)) && oracle.isSettled(id, table));
    const pairs = whole.map((table) => `${nameOf(table)}=${copyOf(table, 'end')}`);
    if (pairs.length > 0) {
      await operator.runWhenFree(['restore', id, '--rename', pairs.join(','), '--yes']);
      for (const table of whole) {
        await live.judgeCopy(table, copyOf(table, 'end'), id);
      }
      diary.count('backups brought back in the end');
    }
  }
  await judgeNodes(parts, hosts);
  const ids = (await storedBackups(operator.directory)).map(({ id }) => id);
  await operator.runWhenFree(['delete', ...ids, '--now', '--with-incrementals', '--force-last', '--yes']);
  await operator.runWhenFree(['prune', '--keep-last', '1', '--grace', '0h', '--stale-after', '0h'], { codes: [10] });
  const left = [...(await objectsBelow(operator.directory).catch(() => new Map<string, number>())).keys()];
  if (left.length > 0) {
    diary.wrong(`with no backup any more there are ${left.join(', ')}`);
  }
  const uploads = await unfinishedUploads(operator.env);
  if (uploads.length > 0) {
    diary.wrong(`uploads were left unfinished: ${uploads.join(', ')}`);
  }
}

/** What lies on the nodes is named by `clear`, which removes it. */
async function judgeNodes({ diary, operator, sandbox }: StepParts, hosts: readonly string[]): Promise<void> {
  const look = async (): Promise<readonly string[]> =>
    (
      await Promise.all(
        sandbox.hosts.map(async (host) => {
          // What is staged for people is named as the one directory that it is, whoever staged there: other tests on this cluster too.
          const own = `cd /var/lib/cassandra && { find data* -path '*/snapshots/sstash-*' -prune -printf '%f\\n' | sort -u; ls -d sstash_restore/* data*/.sstash-staging/* 2>/dev/null; ls data/.sstash-undo 2>/dev/null | grep -v '^lock$'; find /tmp/cassandra_restore -maxdepth 0 ! -empty 2>/dev/null; true; }`;
          return (await onHost(host, own)).split('\n').flatMap((line) => (line === '' ? [] : [`${host} ${line}`]));
        }),
      )
    ).flat();
  const lying = await look();
  const clear = async (...options: readonly string[]): Promise<readonly Found[]> =>
    resultOf<{ readonly found: readonly Found[] }>(await operator.runWhenFree(['clear', ...hosts, ...options])).found;
  const named = await clear('--dry-run');
  const unnamed = lying.filter((each) => {
    const [host = '', name = ''] = each.split(' ');
    return !named.some((found) => found.host === host && (found.name === name || found.name.endsWith(name)));
  });
  if (unnamed.length > 0) {
    diary.wrong(
      `clear does not name ${unnamed.join(', ')}; it names ${named.map(({ host, kind, name }) => `${host} ${kind} ${name}`).join(', ')}`,
    );
  }
  const restores = [...new Set(named.filter(({ kind }) => kind === 'undo').map(({ name }) => name))];
  await clear('--yes', '--unfinished', 'all', '--staged', ...(restores.length === 0 ? [] : ['--undo-data', restores.join(',')]));
  const left = await look();
  if (left.length > 0) {
    diary.wrong(`clear has left ${left.join(', ')}`);
  }
}
