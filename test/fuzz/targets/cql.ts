import assert from 'node:assert/strict';
import { complaintsAbout, cqlshError, messageIn, parseJsonRows, refusedError } from '../../../src/cluster/cql/cqlsh.ts';
import { parseDictionaries } from '../../../src/cluster/cql/dictionaries.ts';
import { directoriesOf, parseSettings } from '../../../src/cluster/cql/running-directories.ts';
import { readSchemaRows } from '../../../src/cluster/cql/schema-rows.ts';
import { readSystemRows } from '../../../src/cluster/cql/system-rows.ts';
import { readTableStates } from '../../../src/cluster/cql/table-states.ts';
import {
  type SchemaStatement,
  alterationsOf,
  idIn,
  ifNotExists,
  keyspacesIn,
  parseSchema,
  withNames,
} from '../../../src/model/schema/cql-statements.ts';
import { splitStatements } from '../../../src/model/schema/split-statements.ts';
import { tokensFrom } from '../../../src/model/schema/cql-tokens.ts';
import { describeSchema } from '../../../src/model/schema/describe-schema.ts';
import { dictionaryRows } from '../../../src/model/schema/dictionaries.ts';
import { replayable } from '../../../src/model/schema/replayable.ts';
import { copiesIn, placementsIn, withReplication } from '../../../src/model/schema/replication.ts';
import { refuseOtherTypes } from '../../../src/model/schema/schema-types.ts';
import { defaultTimeToLive, keepsChanges } from '../../../src/model/schema/statement-options.ts';
import { unfinishedParts } from '../../../src/model/schema/unfinished-table.ts';
import { shapeOf } from '../../../src/model/schema/shape/table-shape.ts';
import { never } from '../../support/never.ts';
import { answeringTool } from '../answering.ts';
import { type Target, assertSound, each } from '../target.ts';

const node = answeringTool(Buffer.of());
const schemas = [
  'schema.cql',
  'schema-zoo.cql',
  'schema-zoo-3.11.cql',
  'schema-zoo-past.cql',
  'schema-5.0.cql',
  'cqlsh/4.1.10',
  'cqlsh/5.0.9',
];

export const cqlTargets: readonly Target[] = [
  {
    name: 'cqlsh',
    corpus: ['cqlsh'],
    check: (bytes) => {
      const text = bytes.toString('utf8');
      const json = parseJsonRows(text);
      const states = (flavour: 'cassandra' | 'scylla') =>
        readTableStates(answeringTool(bytes, flavour), async () => new Date(1_800_000_000_000), never);
      return each(
        () => assertSound(readSystemRows(json)),
        () => described(readSchemaRows(json)),
        () => parseDictionaries(json.rows),
        () => parseSettings(text),
        () => directoriesOf(text),
        async () => assertSound(await states('cassandra')),
        async () => assertSound(await states('scylla')),
      );
    },
  },
  {
    name: 'cqlsh-complaints',
    corpus: [],
    check: (bytes) => {
      const output = { stdout: '', stderr: bytes.toString('utf8'), status: 2 };
      const statements = Array.from({ length: 50 }, (_, at) => `CREATE TABLE shop.t${at} (\n  id int PRIMARY KEY\n)`);
      complaintsAbout(statements, output).forEach(messageIn);
      refusedError(node, statements, output);
      cqlshError(node, output);
    },
  },
  {
    name: 'cql-text',
    corpus: schemas,
    check: (bytes) => {
      const text = bytes.toString('utf8');
      let end = 0;
      for (const token of tokensFrom(text, 0)) {
        assert.ok(token.at === end && text.startsWith(token.text, end));
        end += token.text.length;
      }
      assert.equal(end, text.length);
      // What follows reads the text several times more.
      if (text.length > 1 << 16) {
        return;
      }
      const statements = splitStatements(text);
      assert.deepEqual(splitStatements(statements.map((statement) => `${statement};\n`).join('')), statements);
      replayable(text);
      dictionaryRows(text);
    },
  },
  {
    name: 'cql',
    corpus: [...schemas, 'fuzz/cql-text'],
    // What is asked of a statement reads it anew each time.
    longBytes: 1 << 16,
    check: (bytes) => schemaIn(parseSchema(bytes.toString('utf8'))),
  },
];

function described(read: ReturnType<typeof readSchemaRows>): void {
  assertSound(read);
  if (read !== undefined) {
    const schema = parseSchema(describeSchema(read.rows));
    assert.equal(keyspacesIn(schema).size, new Set(read.rows.keyspaces.map(({ keyspace }) => keyspace)).size);
  }
}

const change = { datacenters: new Map([['dc1', "d'c"]]) };

async function schemaIn(schema: readonly SchemaStatement[]): Promise<void> {
  const tables = schema.flatMap(({ kind, keyspace, name }) =>
    kind === 'table' || kind === 'view' ? [{ keyspace, table: name }] : [],
  );
  // Of very many statements some are enough.
  const some = schema.slice(0, 40);
  await each(
    () => some.forEach(ifNotExists),
    () => some.forEach(({ text }) => idIn(text)),
    () => some.forEach(defaultTimeToLive),
    () => some.forEach(keepsChanges),
    () => some.forEach((statement) => assertRenamed(statement)),
    () => some.forEach((statement) => withReplication(statement, change)),
    () => alterationsOf(schema, 'DROP'),
    () => tables.slice(0, 20).forEach(({ keyspace, table }) => shapeOf(schema, keyspace, table)),
    () => unfinishedParts(schema, schema, tables.slice(0, 20)),
    () => refuseOtherTypes(schema, some, schema),
    () =>
      [...placementsIn(schema).values()].forEach((placement) => assertSound(copiesIn(placement, [{ dc: 'dc1' }, { dc: 'dc2' }]))),
  );
}

/** Under other names a statement is about these, whatever they are. */
function assertRenamed(statement: SchemaStatement): void {
  if (statement.kind === 'other' || statement.kind === 'keyspace') {
    return;
  }
  const names = { keyspace: 'k"s', name: "t'--;" };
  const [again, ...others] = parseSchema(withNames(statement, names).text);
  assert.deepEqual([again?.kind, again?.keyspace, again?.name, others.length], [statement.kind, names.keyspace, names.name, 0]);
}
