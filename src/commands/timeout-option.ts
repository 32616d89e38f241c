import type { OptionSet } from '../cli/arguments.ts';
import { commandVerbs } from '../model/options/command-limits.ts';

/** How long nodes are waited for. */
export const timeoutOption: OptionSet = {
  'command-timeout': {
    type: 'string',
    array: true,
    describe: `how long a node may take for what it is asked, before it fails by itself: 5m, snapshot=1h, import=none; of ${commandVerbs.join(', ')}`,
    group: 'Nodes:',
  },
};
