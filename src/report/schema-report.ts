import type { SchemaStatement } from '../model/schema/cql-statements.ts';
import type { OfferedSchema } from '../model/schema/gate/offered.ts';
import { visible } from '../model/visible.ts';
import { count } from './backup-report.ts';

/** The statements as cqlsh reads them. */
function statementsText(statements: readonly Pick<SchemaStatement, 'text'>[]): string {
  return statements.map(({ text }) => `${text};\n`).join('\n');
}

/** What is offered, as cqlsh reads it: what is left out is a comment of our own, which holds nothing of the backup's. */
export function offeredText({ parts }: Pick<OfferedSchema, 'parts'>): string {
  return parts
    .map((part) => ('statement' in part ? `${part.statement};\n` : `-- a ${part.leftOut} of the backup is left out here\n`))
    .join('\n');
}

export function offeredJson({ parts, leftOut }: OfferedSchema): unknown {
  return { statements: parts.flatMap((part) => ('statement' in part ? [part.statement] : [])), leftOut };
}

/** As people see them before they agree. */
function plannedText(statements: readonly string[]): string {
  return visible(statementsText(statements.map((text) => ({ text }))));
}

interface SchemaOutcome {
  readonly statements: readonly string[];
  readonly existing: readonly string[];
  readonly dryRun: boolean;
}

export function schemaText({ statements, existing, dryRun }: SchemaOutcome): string {
  const there = existing.length === 0 ? '' : `there already, left as it is: ${existing.join(', ')}\n`;
  if (statements.length === 0) {
    return `${there}nothing is missing\n`;
  }
  const verdict = dryRun ? 'nothing is done yet: these would be run' : `${count(statements.length, 'statement')} run`;
  return `${plannedText(statements)}\n${there}${verdict}\n`;
}

/** The statements, and the question whether to run them. */
export function schemaQuestion(plan: SchemaOutcome): string {
  return `${schemaText(plan)}Go on?`;
}

/** JSON for people's scripts: backup directory → live directory, null where no table of that name lives. */
export function mappingText(tables: readonly { readonly backup: string; readonly live?: string }[]): string {
  return `${JSON.stringify(Object.fromEntries(tables.map(({ backup, live }) => [backup, live ?? null])), undefined, 2)}\n`;
}
