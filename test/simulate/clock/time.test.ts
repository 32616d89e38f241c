import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedProcess } from './process.ts';
import { Random } from './random.ts';
import { StandstillError, VirtualTime } from './time.ts';

describe('virtual time', () => {
  test('has what is due happen in the order of time, and of asking where that is the same', async () => {
    const time = new VirtualTime();
    const seen: string[] = [];
    time.after(20, () => seen.push('late'));
    time.after(10, () => seen.push('first'));
    time.after(10, () => seen.push('second'));
    time.after(5, () => seen.push('never'))();
    await time.passUntil(time.sleep(30), 100);
    assert.deepEqual(seen, ['first', 'second', 'late']);
    assert.equal(time.nowMs, 30);
  });

  test('says so when nothing can happen any more, and when there is no end', async () => {
    const time = new VirtualTime();
    await assert.rejects(time.passUntil(new Promise(() => {}), 100), StandstillError);
    const again = (): void => void time.after(1, again);
    again();
    await assert.rejects(time.passUntil(new Promise(() => {}), 100), /no end after 100 events/);
  });

  test('brings nothing to a process that is dead, and to one that is stopped all of it when it goes on', async () => {
    const time = new VirtualTime();
    const [dead, stopped] = [new SimulatedProcess('a', 1, 0), new SimulatedProcess('b', 2, 0)];
    const seen: string[] = [];
    time.after(10, () => seen.push('dead'), dead);
    time.after(10, () => seen.push(`stopped at ${time.nowMs}`), stopped);
    dead.kill();
    stopped.stop();
    time.after(50, () => stopped.goOn());
    await time.passUntil(time.sleep(100), 100);
    assert.deepEqual(seen, ['stopped at 50']);
  });
});

describe('chance', () => {
  test('is the same for a seed, another one for another seed, and for each stream of it', () => {
    const draw = (seed: number, stream: string): string => {
      const random = new Random(seed, stream);
      return Array.from({ length: 8 }, () => random.below(100)).join(' ');
    };
    assert.equal(draw(7, 'a'), draw(7, 'a'));
    assert.equal(new Set([draw(7, 'a'), draw(8, 'a'), draw(7, 'b'), draw(7 + 2 ** 32, 'a')]).size, 4);
  });

  test('hits everything about as often as it should', () => {
    const random = new Random(1);
    const counts = [0, 0, 0, 0];
    for (let round = 0; round < 4000; round += 1) {
      counts[random.below(4)]! += 1;
    }
    assert.ok(
      counts.every((count) => count > 850 && count < 1150),
      counts.join(' '),
    );
  });
});
