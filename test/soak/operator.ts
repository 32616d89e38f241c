import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Ran, startProgram } from '../support/program.ts';
import { type Ground, inflict } from './inflict.ts';
import type { Diary } from './diary.ts';
import { storedBackups } from './stored.ts';
import type { Oracle } from './oracle.ts';
import { type Trouble, troubleText } from './trouble.ts';

export interface Wish {
  readonly trouble?: Trouble | undefined;
  /** What goes on beside it. */
  readonly beside?: () => Promise<void>;
  /** Exit codes that are right although nothing is in its way; 0 always is. */
  readonly codes?: readonly number[];
  /** Something else is at work in the location or on the nodes: it may be refused. */
  readonly hasCompany?: boolean;
}

/** Runs commands on the sandbox, and sees to it that each ends as it may. */
export class Operator {
  readonly #ground: Ground;
  readonly #oracle: Oracle;
  readonly #diary: Diary;
  readonly location: string;

  constructor(ground: Ground, { oracle, diary, base }: { oracle: Oracle; diary: Diary; base: string }) {
    this.#ground = ground;
    this.#oracle = oracle;
    this.#diary = diary;
    this.location = base;
  }

  get env(): Readonly<Record<string, string>> {
    const { sandbox, proxy } = this.#ground;
    return { ...sandbox.env, SSTASH_ENDPOINT: proxy.endpoint, SSTASH_LOCATION: `s3://backups/${this.location}` };
  }

  /** The directory in which the location's objects lie. */
  get directory(): string {
    return join(this.#ground.sandbox.bucket, this.location);
  }

  /** Runs one to its end. Of one that nothing happened to, the exit code must be right. */
  async run(args: readonly string[], { trouble, beside, codes = [], hasCompany = false }: Wish = {}): Promise<Ran> {
    const begunMs = Date.now();
    const begun = this.#oracle.begin();
    const before = await storedBackups(this.directory);
    const start = () => startProgram([...args, '--json'], { env: this.env });
    const work = trouble === undefined ? start().done.then((ran) => ({ ran, times: 0 })) : inflict(this.#ground, trouble, start);
    const [{ ran, times }] = await Promise.all([work, beside?.()]);
    if (trouble !== undefined) {
      this.#diary.injected(trouble.kind, times);
    }
    const after = await storedBackups(this.directory);
    if (args[0] === 'backup') {
      const was = new Map(before.map(({ id, state }) => [id, state]));
      const touched = after.filter(({ id }) => was.get(id) !== 'complete' && was.get(id) !== 'degraded');
      this.#oracle.worked(
        touched.map(({ id }) => id),
        begun,
      );
    }
    const said = ran.code === 0 ? '' : ` ${ran.code === 3 ? nodeErrors(ran.stdout) : lastLine(ran.stderr)}`;
    const what = trouble === undefined ? '' : ` while ${troubleText(trouble)}${times === 0 ? ', which did not come about' : ''}`;
    this.#diary.note(
      `sstash ${args.join(' ')}${what}: ${ran.code ?? 'killed'} (${((Date.now() - begunMs) / 1000).toFixed(1)} s)${said}`,
    );
    const gone = before.filter(({ id, state }) => state !== 'unfinished' && !after.some((each) => each.id === id));
    if (gone.length > 0 && !deletes(args) && !hasCompany) {
      this.#diary.wrong(`${args.join(' ')} took backups away: ${gone.map(({ id }) => id).join(', ')}`);
    }
    const killed = ran.code === null && times > 0 && trouble?.kind.startsWith('command killed') === true;
    const allowed = times > 0 ? [0, 1, 3, 11, 130, ...codes] : [0, ...codes, ...(hasCompany ? [1, 3, 11] : [])];
    if (!killed && !allowed.includes(ran.code ?? -1)) {
      this.#diary.wrong(`sstash ${args.join(' ')} ended with ${ran.code}${what}:\n${ran.stderr}`);
    }
    if (/TypeError|ReferenceError|RangeError|Cannot read prop|\n +at .+:\d+:\d+/.test(ran.stderr)) {
      this.#diary.wrong(`sstash ${args.join(' ')} broke${what}:\n${ran.stderr}`);
    }
    return ran;
  }

  /** Runs one, and while somebody else has the nodes or the location again: what was killed may be at work there for a moment. */
  async runWhenFree(args: readonly string[], wish: Wish = {}): Promise<Ran> {
    for (const giveUpAt = Date.now() + 180_000; ; await delay(1000)) {
      const ran = await this.run(args, { ...wish, codes: [...(wish.codes ?? []), 11] });
      if (ran.code !== 11) {
        return ran;
      }
      if (Date.now() > giveUpAt) {
        this.#diary.wrong(`sstash ${args.join(' ')} is refused for three minutes:\n${ran.stderr}`);
        return ran;
      }
    }
  }
}

function deletes([command = '', ...options]: readonly string[]): boolean {
  return command === 'prune' || command === 'delete' || options.includes('--retention');
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('sstash: '))
      .at(-1)
      ?.slice(0, 240) ?? ''
  );
}

/** Why nodes failed, of a command that went on without them. */
function nodeErrors(text: string): string {
  const { nodes = [] }: { readonly nodes?: readonly { readonly host: string; readonly error?: string }[] } = JSON.parse(text);
  return nodes.flatMap(({ host, error }) => (error === undefined ? [] : [`${host}: ${error.slice(0, 240)}`])).join('; ');
}
