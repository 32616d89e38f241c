import type { Random } from '../clock/random.ts';
import type { Step } from '../host/host.ts';
import type { Mischief } from './mischief.ts';
import type { World } from './world.ts';

/** What becomes of a script of the program's between two of its steps. */
type Trouble = 'the program is killed' | 'the script is killed' | 'the connections are cut' | 'the host reboots';

/**
 * Breaks into scripts on the nodes: before a name changes (a directory is made, a file is moved, linked or removed) its program, its shell with
 * all that belongs to it, the connections to the node or the whole host may go. How often, the climate says.
 */
export function troubleSteps(world: World, mischief: Mischief, random: Random): void {
  for (const [name, { host }] of world.nodes) {
    const strike = ({ process }: Step): void => {
      const trouble = random.weighted<Trouble>([
        [2, 'the program is killed'],
        [4, 'the script is killed'],
        [3, 'the connections are cut'],
        [3, 'the host reboots'],
      ]);
      world.journal.note(name, `(${trouble}: ${process.argv.slice(0, 4).join(' ').replaceAll(/\s+/g, ' ').slice(0, 80)})`);
      if (trouble === 'the program is killed') {
        process.signal('KILL');
      } else if (trouble === 'the script is killed') {
        host.processes.kill(-process.group, 'KILL');
      } else if (trouble === 'the connections are cut') {
        world.cutLines(name);
      } else {
        mischief.crash(name, 'host', random.chance(0.5) ? 'kept' : 'emptied');
      }
    };
    host.atStep = (step) => {
      if (step.kind === 'change' && world.weather.breaksStep()) {
        strike(step);
      }
    };
  }
}
