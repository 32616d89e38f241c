import type { Target } from '../target.ts';
import { broken } from './broken.ts';
import { cqlTargets } from './cql.ts';
import { fileTargets } from './files.ts';
import { lzopTargets } from './lzop.ts';
import { manifestTargets } from './manifests.ts';
import { nodeAnswerTargets } from './node-answers.ts';
import { wordTargets } from './words.ts';

/** Everything that reads what others wrote. */
export const targets: readonly Target[] = [
  ...lzopTargets,
  ...manifestTargets,
  ...nodeAnswerTargets,
  ...cqlTargets,
  ...fileTargets,
  ...wordTargets,
];

export function targetOf(name: string): Target {
  const found = [...targets, broken].find((target) => target.name === name);
  if (found === undefined) {
    throw new Error(`no such parser: ${name}; there are ${targets.map((target) => target.name).join(', ')}`);
  }
  return found;
}
