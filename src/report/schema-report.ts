import type { SchemaStatement } from '../model/schema/cql-statements.ts';
import { visible } from '../model/visible.ts';
import { count } from './backup-report.ts';

/** The statements as cqlsh reads them. */
export function statementsText(statements: readonly Pick<SchemaStatement, 'text'>[]): string {
  return statements.map(({ text }) => `${text};\n`).join('\n');
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
