import { BackupError } from '../../../src/model/errors.ts';
import { parseDuration } from '../../../src/model/options/time-span.ts';
import type { Random } from '../clock/random.ts';
import { judgeLive } from '../oracle/judge-cluster.ts';
import { Commands } from './draw-command.ts';
import { Mischief } from './mischief.ts';
import { type CommandLine, lineText, type Ran, runCommandLine } from './operator.ts';
import { judgeCleared, restoresAside } from './final-clearing.ts';
import { judgeOutcome } from './judge-outcome.ts';
import { judgeSuccess } from './judge-success.ts';
import { commandBeside, isMet, nextCommand } from './next-command.ts';
import { RestoreWatch } from './restore-watch.ts';
import type { Shape } from './shape.ts';
import { troubleSteps } from './step-trouble.ts';
import type { World } from './world.ts';

/** How it is told off in the middle of what it does. */
type Interference = 'kill' | 'interrupt' | 'stop';

/** What happens in a history: operators' commands, one after the other and now and then two at once, in a world that goes on meanwhile. */
export class Story {
  readonly faults: string[] = [];
  readonly #world: World;
  readonly #shape: Shape;
  readonly #random: Random;
  readonly #commands: Commands;
  readonly #mischief: Mischief;
  readonly #watch: RestoreWatch;
  readonly #lines = new Map<string, CommandLine>();
  #last: Ran | undefined;

  constructor(world: World, shape: Shape, random: Random) {
    this.#world = world;
    this.#shape = shape;
    this.#random = random;
    this.#commands = new Commands(world, shape, random);
    this.#watch = new RestoreWatch(world);
    // Between a restore that broke off and its undoing nobody can say which rows would stay.
    this.#mischief = new Mischief(world, random, () => this.#watch.isBroken);
    troubleSteps(world, this.#mischief, random);
  }

  async tell(): Promise<void> {
    for (let count = 0; count < this.#shape.tables; count += 1) {
      this.#mischief.makeTable();
    }
    // Most locations have a backup already that others can stand on.
    if (this.#random.chance(0.75)) {
      await this.#writeSome();
      await this.#operate(0, this.#commands.plainBackup(), { calm: true });
    }
    const rounds = 3 + this.#random.below(5);
    for (let round = 0; round < rounds; round += 1) {
      await this.#round();
    }
    await this.#end();
  }

  /** How long a process had to let what is forgotten wait, in milliseconds. */
  readonly graceMsOf = (name: string): number => {
    const { command, values } = this.#lines.get(name) ?? {};
    const isAtOnce = command === 'delete' && values?.['now'] === true;
    return isAtOnce ? 0 : parseDuration(String(values?.['grace'] ?? '24h')) * 1000;
  };

  /** Whether a process was to sign what it writes. */
  readonly signs = (name: string): boolean => this.#lines.get(name)?.values['manifest-key'] !== undefined;

  async #round(): Promise<void> {
    const random = this.#random;
    await this.#settleRestore();
    if (this.#world.cluster.schema.tables.length === 0) {
      this.#mischief.makeTable();
    }
    await this.#writeSome();
    const line = nextCommand(this.#commands, random, this.#last);
    if (line.command === 'backup' && this.#shape.hosts.length > 1 && random.chance(0.15)) {
      this.#mischief.crashOne();
    }
    this.#mischief.during(random.pick([2_000, 20_000]), random.below(8), line.command === 'restore' ? 'no rows' : 'and rows');
    const first = this.#operate(0, line);
    if (isMet(random, line)) {
      await this.#world.time.sleep(random.between(0, 8_000));
      await Promise.all([first, this.#operate(1, commandBeside(this.#commands, random, line))]);
    }
    this.#last = await first;
    await this.#world.time.sleep(Math.exp(random.between(Math.log(1_000), Math.log(86_400_000))));
    this.#judgeLive();
  }

  async #writeSome(): Promise<void> {
    const deeds = 2 + this.#random.below(12);
    for (let count = 0; count < deeds; count += 1) {
      this.#mischief.deed();
      await this.#world.time.sleep(this.#random.between(10, 1000));
    }
  }

  /** Nothing fails any more: now everything must be well, and everything must go. */
  async #end(): Promise<void> {
    const { weather, time } = this.#world;
    weather.calm();
    await time.sleep(300_000);
    this.#mischief.mend();
    await time.sleep(60_000);
    await this.#settleRestore();
    this.#mischief.mend();
    await time.sleep(10_000);
    this.#judgeLive();
    if (this.#world.cluster.schema.tables.length === 0) {
      this.#mischief.makeTable();
    }
    this.#mischief.write();
    const stored = { location: 's3://bucket/base', 'lock-timeout': 300, 'allow-clock-skew': true };
    const { signing } = this.#shape;
    const keys = signing === 'never' ? {} : { 'manifest-key': 'first.key,second.key' };
    const required = signing === 'always' ? { 'require-signed': true } : {};
    const hosts = this.#shape.hosts.join(',');
    await this.#mustDo({
      command: 'backup',
      values: { ...stored, ...keys, hosts, compression: this.#shape.compression, 'new-snapshot': true },
    });
    await this.#mustDo({ command: 'prune', values: { ...stored, ...keys, 'keep-last': 2, 'stale-after': '1m', grace: '0h' } });
    await this.#clearAll();
    await this.#mustDo({
      command: 'verify',
      values: { ...keys, ...required, location: stored.location, all: true, 'read-data': '' },
    });
  }

  /** Days later nothing is left that anybody could wait for. */
  async #clearAll(): Promise<void> {
    await this.#world.time.sleep(2 * 86_400_000);
    const hosts = this.#shape.hosts.join(',');
    const aside = restoresAside(this.#world);
    const values = { location: 's3://bucket/base', 'lock-timeout': 300, hosts, yes: true, staged: true, unfinished: 'all' };
    const undoData: Record<string, string> = aside.length === 0 ? {} : { 'undo-data': aside.join(',') };
    const ran = await this.#mustDo({ command: 'clear', values: { ...values, ...undoData } });
    if (ran?.exitCode === 0) {
      this.faults.push(...judgeCleared(this.#world, ran.json));
    }
  }

  async #mustDo(line: CommandLine): Promise<Ran | undefined> {
    const ran = await this.#operate(0, line, { calm: true });
    if (ran?.exitCode !== 0) {
      this.faults.push(`with nothing in its way ${lineText(line)} ends with ${ran?.exitCode}: ${ran?.said.slice(-2).join(' ')}`);
    }
    return ran;
  }

  /** A restore by node restart that broke off is taken back, as it says itself. */
  async #settleRestore(): Promise<void> {
    for (let tries = 0; tries < 5 && this.#watch.isBroken; tries += 1) {
      this.#world.weather.calm();
      this.#mischief.mend();
      await this.#operate(0, this.#commands.undo(), { calm: true });
    }
    if (this.#watch.isBroken) {
      this.faults.push('a restore that broke off cannot be taken back');
    }
  }

  async #operate(who: 0 | 1, line: CommandLine, { calm = false } = {}): Promise<Ran | undefined> {
    const world = this.#world;
    const random = this.#random;
    const process = world.process(`bastion${who + 1}`, this.#shape.operatorsAheadMs[who] ?? 0);
    const name = `${process.host}/${process.pid}`;
    const abort = new AbortController();
    world.journal.note(name, `$ ${lineText(line)}`);
    this.#lines.set(name, line);
    const watched = this.#watch.begin(line);
    const killed = new Promise<undefined>((resolve) => process.onKill(() => resolve(undefined)));
    const terminal = {
      process,
      signal: abort.signal,
      nowMs: () => world.time.nowMs,
      hear: (text: string) => world.journal.note(name, text),
    };
    const cancel: (() => void)[] = [];
    if (!calm && random.chance(this.#shape.interference)) {
      const how = random.weighted<Interference>([
        [4, 'kill'],
        [4, 'interrupt'],
        [2, 'stop'],
      ]);
      const afterMs = Math.exp(random.between(Math.log(10), Math.log(30_000)));
      const forMs = random.pick([5_000, 70_000, 200_000]);
      const interfere = (): void => {
        world.journal.note(name, `(${how})`);
        if (how === 'kill') {
          process.kill();
        } else if (how === 'interrupt') {
          abort.abort(new BackupError('interrupted'));
        } else {
          process.stop();
          world.time.after(forMs, () => process.goOn());
        }
      };
      cancel.push(world.time.after(afterMs, interfere));
    }
    const run = () => Promise.race([runCommandLine(line, terminal), killed]);
    const ran = watched === undefined ? await run() : await this.#mischief.rowsRestDuring(run);
    cancel.forEach((each) => each());
    const rest = ran?.exitCode === 0 ? ran.said.slice(-1) : (ran?.said.filter((text) => !text.startsWith('warning: ')) ?? []);
    world.journal.note(name, ran === undefined ? 'is no more' : `ends with ${ran.exitCode}: ${rest.join('; ')}`);
    this.faults.push(...this.#watch.end(watched, ran));
    if (ran !== undefined) {
      const { aborted } = abort.signal;
      this.faults.push(...judgeOutcome(world, ran, aborted), ...judgeSuccess(world, name, ran, aborted));
      // A process that has ended has nothing under way any more.
      process.kill();
    }
    return ran;
  }

  #judgeLive(): void {
    const { cluster, truth, time } = this.#world;
    this.faults.push(...judgeLive(cluster, truth, time.nowMs));
  }
}
