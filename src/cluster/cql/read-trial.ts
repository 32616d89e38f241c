import type { CqlNode } from '../node.ts';
import { type Complaint, complaintsAbout, cqlshError, runCqlsh } from './cqlsh.ts';
import { type CqlshInput, ShellCommand } from './cqlsh-input.ts';

/** A SELECT, and how many replicas have to answer it. */
export interface TrialRead {
  readonly statement: string;
  readonly consistency: string;
}

/**
 * Reads, and looks at nothing but whether it can be read: rows stay on the node. All of it in one start of cqlsh, which takes
 * a second, where a statement takes 5 ms. Gives what was said against single reads; `statement` is the place among `reads`.
 *
 * Throws RemoteError when cqlsh is missing, cannot connect or does not come to its end.
 */
export async function tryReads(node: CqlNode, reads: readonly TrialRead[], signal: AbortSignal): Promise<readonly Complaint[]> {
  const script: CqlshInput[] = [ShellCommand.captureNothing];
  const places = new Map<number, number>();
  let level = '';
  reads.forEach(({ statement, consistency }, index) => {
    if (consistency !== level) {
      script.push(ShellCommand.consistency(consistency));
      level = consistency;
    }
    places.set(script.length, index);
    // With an empty line before it, it does not matter whether cqlsh means the line that a statement ends on or the next.
    script.push(`\n${statement}`);
  });
  const output = await runCqlsh(node, [...script, ShellCommand.consistency(endMark)], signal);
  const complaints = complaintsAbout(script, output);
  const ended = output.stdout.includes(`Consistency level set to ${endMark}`);
  if (!ended || (output.status !== 0 && complaints.length === 0)) {
    throw cqlshError(node, output);
  }
  return complaints.flatMap((complaint) => {
    const statement = places.get(complaint.statement);
    return statement === undefined ? [] : [{ ...complaint, statement }];
  });
}

/** A level that nothing is read with: cqlsh says it back when it has come to the end. What it captures hides all else. */
const endMark = 'LOCAL_ONE';
