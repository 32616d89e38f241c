import type { TestContext } from 'node:test';
import { NodePrograms, type ProgramParts } from '../../src/transfer/direct/node-programs.ts';

/** Programs on nodes that end with the test. */
export function nodePrograms(t: TestContext, parts: Partial<ProgramParts> = {}): NodePrograms {
  const programs = new NodePrograms({ pythonOf: () => 'python3', ...parts });
  t.after(() => programs.close());
  return programs;
}
