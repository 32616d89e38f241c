import { chunkOf, stringOf } from '../../bytes.ts';
import { Errno } from '../../files/errno.ts';
import type { Process } from '../../process/process.ts';
import { complain, each, shown } from '../failure.ts';
import { options } from '../options.ts';
import { wholeFile } from '../streams/streams.ts';
import { linesOf } from '../text/lines.ts';
import { AwkExit, Machine } from './machine.ts';
import { parseAwk } from './parse-awk.ts';
import { Loose } from './values.ts';

/** `awk [-F SEPARATOR] [-v NAME=VALUE] PROGRAM [FILE…]`. */
export async function awk(process: Process): Promise<number> {
  const given = options(process.argv, 'F: v:');
  const [program = '', ...files] = given.operands;
  const rules = parseAwk(program);
  const machine = new Machine();
  machine.set('NR', 0);
  machine.set('FS', given.value('F') ?? ' ');
  for (const [name, value] of process.env) {
    machine.array('ENVIRON').set(name, new Loose(value));
  }
  for (const assignment of given.values('v')) {
    const [name = '', value = ''] = assignment.split(/=(.*)/s, 2);
    machine.set(name, new Loose(value));
  }
  let status = 0;
  const during = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof AwkExit)) {
        throw error;
      }
      status = error.status;
      return false;
    }
  };
  let goesOn = during(() => machine.run(rules, 'BEGIN'));
  let records = 0;
  const failed = await each(process, files.length === 0 ? ['-'] : files, shown, async (name) => {
    for (const line of goesOn ? linesOf(stringOf(await wholeFile(process, name))) : []) {
      records += 1;
      machine.set('NR', records);
      machine.record(line);
      goesOn = during(() => machine.run(rules, 'record'));
      if (!goesOn) {
        return;
      }
    }
  });
  during(() => machine.run(rules, 'END'));
  await process.print(machine.output);
  const unopened = await append(process, machine.appended);
  return failed === 0 && unopened === 0 ? status : 2;
}

/** Gives how many could not be opened: awk ends with the first. */
async function append(process: Process, files: ReadonlyMap<string, string>): Promise<number> {
  const fd = 101;
  for (const [name, text] of files) {
    try {
      process.setDescriptor(fd, await process.open(name, 'append'));
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      await complain(process, `cannot open "${name}" (${error.message})`);
      return 1;
    }
    await process.write(chunkOf(text), fd);
    process.setDescriptor(fd, undefined);
  }
  return 0;
}
