import { type Failure, runTarget } from './run.ts';
import { isOwn } from './target.ts';
import { targetOf } from './targets/all.ts';

const none = { repeated: false, stretched: 0, mutated: 0 };

/** A shorter input on which the target fails in the same way; the parts that can go are looked for from halves down to bytes. */
export async function minimized(target: string, { kind, text, input }: Failure): Promise<Buffer> {
  const isThrown = !['hang', 'memory', 'crash'].includes(kind);
  const fails = isThrown ? throwing(target, text) : ending(target, kind);
  let best = input;
  // Each try of what does not end takes seconds.
  let steps = isThrown ? 2_000 : 10;
  for (let size = Math.ceil(input.length / 2); size > 0 && steps > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && steps > 0; steps -= 1) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await fails(shorter)) {
        best = shorter;
      } else {
        at += size;
      }
    }
  }
  return best;
}

type Fails = (input: Buffer) => Promise<boolean>;

/** What threw once is tried here: it came to an end. */
function throwing(target: string, text: string): Fails {
  const { check } = targetOf(target);
  return async (input) => {
    try {
      await check(input);
      return false;
    } catch (error) {
      return !isOwn(error) && error instanceof Error && sameFault(error.stack ?? '', text);
    }
  };
}

/** Thrown in the same place for the same reason. */
function sameFault(a: string, b: string): boolean {
  const place = (text: string) => text.split('\n').find((line) => line.trimStart().startsWith('at ') && line.includes('/src/'));
  return a.slice(0, 30) === b.slice(0, 30) && place(a) === place(b);
}

function ending(target: string, kind: string): Fails {
  return async (only) => {
    // A shorter input hangs a shorter time.
    const { failure } = await runTarget({ target, seed: 0, amount: none, only, cpuSeconds: 3 });
    return failure?.kind === kind;
  };
}
