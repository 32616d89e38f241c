import { type SchemaStatement, ifNotExists } from '../cql-statements.ts';
import { UsageError } from '../../errors.ts';
import { alteredText, fit, nameOf, unfitReason } from './fit.ts';
import { refuseForged, shown } from './forged.ts';
import { withoutFunctions } from './functions.ts';

/** What of a backup's schema is run. */
export interface AdmittedSchema {
  /** So that running one again, or beside what is there, is no error. */
  readonly statements: readonly string[];
  /** Functions and aggregates that nobody has asked for: `function shop.price(amount int)`. */
  readonly leftOut: readonly string[];
  /** What people should know before they agree. */
  readonly warnings: readonly string[];
}

export const nothingToRun: AdmittedSchema = { statements: [], leftOut: [], warnings: [] };

interface Admission {
  /** All of the backup's, of which the statements are some. */
  readonly schema: readonly SchemaStatement[];
  readonly live: readonly SchemaStatement[];
  readonly withFunctions: boolean;
}

/**
 * The statements as they may go to cqlsh. Throws IntegrityError where the schema, of which these are a part, is none that a
 * backup writes; UsageError for what cannot be made by cqlsh, or without the functions that were not asked for.
 */
export function admitted(wanted: readonly SchemaStatement[], { schema, live, withFunctions }: Admission): AdmittedSchema {
  if (wanted.length === 0) {
    return nothingToRun;
  }
  refuseForged([...schema, ...wanted]);
  const { statements, leftOut } = withFunctions ? { statements: wanted, leftOut: [] } : withoutFunctions(wanted, live);
  const fitted = statements.map((statement) => ({ statement, text: fittedFor(statement).text }));
  const altered = fitted.filter(({ statement, text }) => text !== statement.text && statement.kind !== 'function');
  return {
    statements: fitted.map(({ statement, text }) => ifNotExists({ ...statement, text })),
    leftOut,
    warnings: [
      ...altered.map(({ statement }) => alteredText(statement)),
      ...(leftOut.length === 0
        ? []
        : [
            `left out, since they are code that runs in the server: ${leftOut.join(', ')}. To create them too, look at them (sstash schema show) and add --with-functions`,
          ]),
    ],
  };
}

/** Throws UsageError for what cqlsh cannot be given. */
function fittedFor(statement: SchemaStatement): SchemaStatement {
  const fitted = fit(statement);
  const fault = unfitReason(fitted);
  if (fault !== undefined) {
    throw new UsageError(`cqlsh cannot be given ${fault}, and the backup's schema has one: ${shown(statement)}`, {
      hint: `create ${nameOf(statement)} by hand, then run this again`,
    });
  }
  return fitted;
}
