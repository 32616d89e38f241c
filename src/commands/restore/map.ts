import { readFile } from 'node:fs/promises';
import { type Arguments, type OptionSet } from '../../cli/arguments.ts';
import { messageOf, UsageError } from '../../model/errors.ts';
import { type NodeMap, mapLines, parseNodeMap } from '../../model/restore/node-map.ts';

export const mapOptions: OptionSet = {
  map: {
    type: 'string',
    array: true,
    describe: 'old=new: the data of node old of the backup to host new, in place of matching by tokens',
    group: 'Nodes:',
  },
  'map-file': { type: 'string', describe: 'a file of such lines', group: 'Nodes:' },
};

/** What `--map` and `--map-file` say together. Throws UsageError, also for a file that cannot be read or says nothing. */
export async function nodeMapOf(args: Arguments): Promise<NodeMap> {
  const file = args.optionalText('map-file');
  return parseNodeMap([...args.list('map'), ...(file === undefined ? [] : await linesOf(file))]);
}

async function linesOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`cannot read the map file: ${messageOf(cause)}`, { cause });
  });
  const lines = mapLines(text);
  if (lines.length === 0) {
    throw new UsageError(`the map file ${file} names no node`, { hint: 'write a line old=new for each' });
  }
  return lines;
}
