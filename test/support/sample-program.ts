/** The program's own frame around commands of the tests: `say` prints what it was given, `wait` until it is interrupted, `finish` longer. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from '../../src/cli/program.ts';
import { commandModule, type Command } from '../../src/commands/command.ts';
import { outputOptions } from '../../src/commands/options.ts';
import { BackupError, IntegrityError } from '../../src/model/errors.ts';

const say: Command = {
  words: ['say'],
  describe: 'prints its options',
  options: {
    transfers: { type: 'number', default: 3 },
    location: { type: 'string', alias: 'L' },
    'use-sudo': { type: 'boolean', default: false },
    hosts: { type: 'string', array: true },
    'host-key-checking': { choices: ['strict', 'accept-new'], default: 'strict' },
  },
  exitCodes: '0 done',
  run: async (args) => {
    const json = {
      transfers: args.number('transfers', 1),
      location: args.text('location'),
      sudo: args.flag('use-sudo'),
      hosts: args.list('hosts'),
      checking: args.text('host-key-checking'),
    };
    return { json, text: `${JSON.stringify(json)}\n` };
  },
};

const fail: Command = {
  words: ['fail'],
  describe: 'fails in some way',
  options: { way: { type: 'string' } },
  exitCodes: '4 integrity',
  run: async (args) => {
    switch (args.text('way')) {
      case 'integrity':
        throw new IntegrityError('a/b is\n  damaged', { hint: 'look at it', cause: new Error('bit 3') });
      case 'plain':
        throw new TypeError('x is undefined');
      case 'partial':
        return { json: { complete: false }, text: 'not complete\n', exitCode: 3 };
      default:
        throw new BackupError('failed');
    }
  },
};

const wait: Command = {
  words: ['wait'],
  describe: 'waits for an interrupt',
  options: { deaf: { type: 'boolean', default: false } },
  exitCodes: '130 interrupted',
  run: async (args, { signal, listen }) => {
    listen({ type: 'step', text: 'waiting' });
    await delay(60_000, undefined, args.flag('deaf') ? {} : { signal });
    return { json: {}, text: 'waited\n' };
  },
};

const finish: Command = {
  words: ['finish'],
  describe: 'brings to its end what it has begun, whoever interrupts, talking all the while; then leaves a file',
  options: { file: { type: 'string' } },
  exitCodes: '130 interrupted',
  run: async (args, { signal, listen }) => {
    listen({ type: 'step', text: 'working' });
    await delay(60_000, undefined, { signal }).catch(() => undefined);
    for (let step = 1; step <= 5; step += 1) {
      listen({ type: 'step', text: `step ${step}` });
      listen({ type: 'warning', text: `warning ${step}` });
      await delay(100);
    }
    await writeFile(args.text('file'), 'finished');
    return { json: {}, text: 'finished\n' };
  },
};

const ask: Command = {
  words: ['ask'],
  describe: 'asks between two pieces of work that have bars, with news while it waits',
  options: {},
  exitCodes: '0 yes, 1 no',
  run: async (_, { signal, listen, warn, confirm }) => {
    const news = (): void => ['h1', 'h2'].forEach((host) => listen({ type: 'planned', host, files: 2, bytes: 2048 }));
    news();
    warn(['a warning']);
    const timer = setInterval(news, 50);
    const answer = await confirm('The plan\nMay it be?', '--yes').finally(() => clearInterval(timer));
    listen({ type: 'step', text: 'answered' });
    news();
    await delay(300, undefined, { signal });
    return { json: {}, text: 'ended\n', exitCode: answer ? 0 : 1 };
  },
};

await runProgram(
  process.argv.slice(2),
  [say, fail, wait, finish, ask].map((command) => ({
    optionNames: Object.keys({ ...command.options, ...outputOptions }),
    module: (settle) => commandModule(command, settle, process.argv.slice(2)),
  })),
);
