import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { keepsMetadataLog, refuseMetadata } from '../../../../src/model/target/cluster-metadata.ts';
import { tableOf } from '../../../support/manifests.ts';

const created = new Set(['shop', 'system_of_ours']);
const ordinary = ['shop', 'system_of_ours', 'system_auth', 'system_distributed', 'system_traces'].map((name) =>
  tableOf(name, 't'),
);

test('a cluster’s metadata is a log since Cassandra 6, whoever says so: the backup, the cluster, or a table that is there', () => {
  const old = { versions: ['5.0.9', undefined, '4.1.10'], tables: [tableOf('system', 'local'), tableOf('shop', 't')] };
  assert.ok(!keepsMetadataLog(old));
  assert.ok(keepsMetadataLog({ ...old, versions: ['5.0.9', '6.0-alpha2'] }));
  assert.ok(keepsMetadataLog({ ...old, versions: ['10.1'] }));
  assert.ok(keepsMetadataLog({ ...old, tables: [tableOf('system', 'local_metadata_log')] }));
  assert.ok(keepsMetadataLog({ ...old, tables: [tableOf('system_cluster_metadata', 'distributed_metadata_log')] }));
  assert.ok(!keepsMetadataLog({ ...old, tables: [tableOf('shop', 'local_metadata_log')] }));
});

test('what is of the log is not put back, and neither is what nobody knows; users’ rows are', () => {
  refuseMetadata(ordinary, created, true);
  for (const keyspace of ['system', 'system_schema', 'system_cluster_metadata', 'system_accord', 'system_of_tomorrow']) {
    assert.throws(
      () => refuseMetadata([...ordinary, tableOf(keyspace, 't')], created, true),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, new RegExp(`^keyspace ${keyspace} is not put back: `));
        assert.match(error.hint ?? '', /^take them away, -K '\*,!system,!system_schema,!system_accord,!system_cluster_metadata'/);
        return true;
      },
    );
  }
});

test('before Cassandra 6 there is no such log, and whole nodes come back', () => {
  refuseMetadata([...ordinary, tableOf('system', 'local'), tableOf('system_schema', 'tables')], created, false);
});
