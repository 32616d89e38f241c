import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { undoFaults } from '../support/host-faults.ts';
import { ensureSandbox, runSandbox } from '../support/sandbox.ts';
import { Diary } from './diary.ts';
import { judgeEnd } from './end.ts';
import { LiveTables } from './live.ts';
import { Operator } from './operator.ts';
import { Oracle } from './oracle.ts';
import { openSession } from './session.ts';
import { Steps } from './steps.ts';

export interface SoakOptions {
  readonly seed: number;
  /** Whether there is another step after so many. */
  readonly goesOn: (taken: number) => boolean;
  /** Hears each line as it is written. */
  readonly hear?: (line: string) => void;
}

/**
 * Lives on the sandbox: rows are written and deleted, tables emptied and dropped, backed up and restored by every method, backups pruned, deleted and verified,
 * while commands are killed and nodes, connections and the store fail. Every row is held against what it must be. Stops at the first thing that is wrong.
 */
export async function soak({ seed, goesOn, hear = () => {} }: SoakOptions): Promise<Diary> {
  const diary = new Diary(hear);
  diary.note(`seed ${seed}`);
  const sandbox = await ensureSandbox();
  await undoFaults(sandbox.hosts);
  const proxy = await startFaultProxy(sandbox.env['SSTASH_ENDPOINT'] ?? '');
  const session = openSession(sandbox.hosts);
  const oracle = new Oracle();
  const operator = new Operator({ sandbox, proxy }, { oracle, diary, base: `soak-${randomBytes(4).toString('hex')}` });
  const live = new LiveTables({ sandbox, session, oracle, diary });
  const onAll = (...words: readonly string[]) =>
    Promise.all(sandbox.hosts.map((host) => runSandbox(['nodetool', host, ...words])));
  try {
    await live.make();
    await onAll('enablebackup');
    const steps = new Steps(seed, { sandbox, oracle, diary, live, operator });
    await steps.begin();
    let taken = 0;
    for (; diary.faults.length === 0 && goesOn(taken); taken += 1) {
      await steps.take(taken);
    }
    diary.note(`${taken} steps`);
    if (diary.faults.length === 0) {
      await judgeEnd({ sandbox, oracle, diary, live, operator });
    }
  } catch (error) {
    diary.wrong(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    if (diary.faults.length === 0) {
      await live.drop();
      await rm(operator.directory, { recursive: true, force: true });
    }
    await onAll('disablebackup');
    await session.close();
    await proxy.stop();
  }
  return diary;
}
