import { BackupError, messageOf, reasonOf } from '../../model/errors.ts';
import { assembleSchema, readSchema } from '../../cluster/cql/schema.ts';
import { readDictionaries } from '../../cluster/cql/dictionaries.ts';
import { liveTable } from '../../cluster/tools/topology.ts';
import { dictionaryColumns, dictionaryTable, dictionaryText } from '../../model/schema/dictionaries.ts';
import { clusterText } from '../../cluster/tools/nodetool.ts';
import { onlyTables } from '../../cluster/files/snapshot-listing.ts';
import { listSnapshot } from '../../cluster/files/snapshot.ts';
import { belongsTo } from '../../model/backup/table-changes.ts';
import type { Run } from './run.ts';
import type { PreparedNode } from './node/prepare.ts';
import type { UploadedNode } from './node/upload.ts';
import type { Outcomes } from '../nodes/each-node.ts';

/** What the cluster says of its tables while their files are uploaded. */
export interface ClusterTexts {
  readonly schema: string;
  /** Empty where there are none. */
  readonly dictionaries: string;
}

/** What a backup says of the cluster as a whole: its ring, its schema, and what its tables are compressed with. */
export async function saveClusterFiles(run: Run, { schema, dictionaries }: ClusterTexts, signal: AbortSignal): Promise<void> {
  const { repository, listen } = run.parts;
  listen({ type: 'step', text: 'saving ring and schema' });
  const { ring, ringText } = run.topology;
  await repository.saveRing(run.ref, ring, ringText, signal);
  await repository.saveSchema(run.ref, schema, signal);
  if (dictionaries !== '') {
    await repository.saveDictionaries(run.ref, dictionaries, signal);
  }
}

/** After the data was fixed: what a node could only then be asked. */
export async function clusterTexts(
  run: Run,
  prepared: Outcomes<PreparedNode | UploadedNode>,
  signal: AbortSignal,
): Promise<ClusterTexts> {
  const schema = await clusterSchema(run, prepared, signal);
  return { schema, dictionaries: await compressionDictionaries(run, prepared, signal) };
}

/** Every sstable carries its own dictionary: without these, rows come back all the same. */
async function compressionDictionaries(
  run: Run,
  prepared: Outcomes<PreparedNode | UploadedNode>,
  signal: AbortSignal,
): Promise<string> {
  const member = run.members.present.find(({ host }) => prepared.done.has(host));
  if (member === undefined || liveTable(run.topology, dictionaryTable) === undefined) {
    return '';
  }
  try {
    return dictionaryText(await readDictionaries(member, dictionaryColumns, signal), run.living.tables);
  } catch (error) {
    signal.throwIfAborted();
    run.warnings.push(`compression dictionaries are not saved, which no row needs: ${reasonOf(error)}`);
    return '';
  }
}

/**
 * The schema after the data was fixed, so that no table of the backup lacks in it: by cqlsh; where that is no use, put together
 * from what a snapshot itself says. An incremental backup, which has no snapshot, takes its parent's. Throws what cqlsh failed
 * with, and why there is no other way, where nothing else has a schema.
 */
async function clusterSchema(run: Run, prepared: Outcomes<PreparedNode | UploadedNode>, signal: AbortSignal): Promise<string> {
  const member = run.members.present.find(({ host }) => prepared.done.has(host));
  if (member === undefined) {
    return '';
  }
  try {
    return await readSchema(member, signal);
  } catch (error) {
    signal.throwIfAborted();
    const substitute = await schemaWithoutCqlsh(run, prepared, signal).catch((second: unknown) => {
      signal.throwIfAborted();
      // What cqlsh failed with is what can be mended.
      const hint = error instanceof BackupError ? error.hint : undefined;
      throw new BackupError(`${messageOf(error)}; nor is there another schema: ${messageOf(second)}`, { cause: error, hint });
    });
    if (substitute.schema === undefined) {
      throw error;
    }
    run.warnings.push(`schema.cql is ${substitute.source}: ${reasonOf(error)}`);
    return substitute.schema;
  }
}

interface Substitute {
  /** Undefined where there is none either. */
  readonly schema: string | undefined;
  readonly source: string;
}

async function schemaWithoutCqlsh(
  run: Run,
  prepared: Outcomes<PreparedNode | UploadedNode>,
  signal: AbortSignal,
): Promise<Substitute> {
  const repository = run.parts.repository.ofSigned;
  const { parent } = run.ref;
  if (parent !== undefined) {
    return { schema: await repository.schema({ id: parent }, signal), source: `that of ${parent}` };
  }
  // A node whose part an earlier attempt has finished has no snapshot any more.
  const member = run.members.present.find(({ host }) => 'setAside' in (prepared.done.get(host) ?? {}));
  if (member === undefined) {
    return { schema: await repository.schema(run.ref, signal), source: 'that of the attempt before' };
  }
  const { tables } = onlyTables(await listSnapshot(member, run.tag, signal), belongsTo(run.living.tables));
  return {
    schema: assembleSchema(await clusterText(member, signal), tables),
    source: 'put together from the snapshots',
  };
}
