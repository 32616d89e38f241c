import { withoutOwner } from './files/as-owner.ts';
import { withoutReading } from './files/plain-files.ts';
import { withoutNiceness } from './niceness.ts';
import type { Command } from './remote.ts';

/** A command without what was put around it: what people want to read about. */
export function plainCommand(command: Command): Command {
  return withoutNiceness(withoutReading(withoutOwner(command)));
}
