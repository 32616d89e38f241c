import { messageOf } from '../../../src/model/errors.ts';
import { Random } from '../clock/random.ts';
import { judgeBackups } from '../oracle/judge-backups.ts';
import { judgeLeft, judgeLock, judgeNodesUnderLock, judgeTakeovers } from '../oracle/judge-bucket.ts';
import { judgeDeletions } from '../oracle/judge-deletions.ts';
import { judgeMeetings } from '../oracle/judge-meetings.ts';
import { judgeSignatures } from '../oracle/judge-signatures.ts';
import { shapeOf } from './shape.ts';
import { Story } from './story.ts';
import { base, World } from './world.ts';

/** A history that was lived to its end, and judged. */
export interface HistoryReport {
  readonly seed: number;
  readonly lines: readonly string[];
  /** What should not be so, each once. */
  readonly faults: readonly string[];
  /** The same for two runs of one seed. */
  readonly digest: string;
  readonly events: number;
}

/** What the world itself does not bear; it is no fault of the program. */
export class BrokenWorld extends Error {}

const mostEvents = 60_000;

/** Lives the history of a seed. `interpose` must have been called in this process. */
export async function runHistory(seed: number): Promise<HistoryReport> {
  const shape = shapeOf(new Random(seed, 'shape'));
  const world = new World(seed, shape);
  world.journal.note('world', JSON.stringify(shape));
  const story = new Story(world, shape, new Random(seed, 'story'));
  const faults: string[] = [];
  const stray = (error: unknown): void => {
    faults.push(`nobody waited for what failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };
  process.on('unhandledRejection', stray);
  try {
    await world.time.passUntil(story.tell(), mostEvents);
    faults.push(...judgeBackups({ ...world, base }), ...judgeLeft(world.bucket, base));
    faults.push(...judgeSignatures(world.bucket, { base, signs: story.signs }));
  } catch (error) {
    faults.push(`it broke off: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
  } finally {
    process.off('unhandledRejection', stray);
  }
  const defects = [...world.nodes.values()].flatMap(({ host }) => host.defects);
  if (defects.length > 0) {
    throw new BrokenWorld(
      `seed ${seed}: ${defects.map((each) => (each instanceof Error ? each.stack : String(each))).join('\n')}`,
    );
  }
  faults.push(
    ...judgeNodesUnderLock(world.bucket, base, world.nodeDeeds),
    ...judgeLock(world.bucket, base),
    ...(shape.conditions === 'kept' ? judgeTakeovers(world.bucket, base, world.wasAlive) : []),
    ...judgeDeletions(world.bucket, { ...world, base, graceMsOf: story.graceMsOf }),
    ...judgeMeetings(world.restoreDeeds),
  );
  return {
    seed,
    lines: world.journal.lines,
    faults: [...new Set([...story.faults, ...faults])],
    digest: world.journal.digest,
    events: world.time.events,
  };
}
