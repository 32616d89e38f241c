import type { BackupPlan, BackupResult, NodeOutcome } from '../../../src/model/backup/backup-result.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupJson, backupPlanJson, backupPlanText, backupText } from '../../../src/report/backup-report.ts';
import { unlimited } from '../../../src/model/options/per-datacenter.ts';
import { tableOf, users } from '../../support/manifests.ts';

const node = (host: string, changes: Partial<NodeOutcome> = {}): NodeOutcome => ({
  host,
  hostId: `id-${host}`,
  complete: true,
  files: 12,
  bytes: 5_000_000,
  newFiles: 3,
  newBytes: 1_048_576,
  storedBytes: 600_000,
  ...changes,
});

const result: BackupResult = {
  id: '20261121T091500Z',
  kind: 'incremental',
  parent: '20261121T031500Z',
  reason: 'because',
  state: 'complete',
  complete: true,
  missing: [],
  thin: [],
  shortfall: [],
  location: 's3://b/prod',
  path: '20261121T031500Z/incrementals/20261121T091500Z/',
  nodes: [node('n1'), node('n2')],
  tables: [users],
  warnings: [],
  seconds: 12.34,
};

test('a complete backup says so in its last lines, with what it was and where it lies', () => {
  const lines = backupText(result).trimEnd().split('\n');
  assert.equal(lines.at(-2), 'incremental backup 20261121T091500Z is complete: 2 nodes, 1 table, 12.3 s');
  assert.equal(lines.at(-1), 's3://b/prod/20261121T031500Z/incrementals/20261121T091500Z/');
  assert.match(lines[1] ?? '', /^n1 +ok +12 +4\.8 MiB +1\.0 MiB +585\.9 KiB$/);
});

test('a backup of some of the ring’s nodes says of how many', () => {
  assert.match(backupText({ ...result, ringNodes: 3 }), / is complete: 2 of the ring's 3 nodes, 1 table/);
});

test('one that lacks a node never says complete without a NOT, and names node and reason', () => {
  const failed = node('n2', { complete: false, files: 0, error: 'disk is full (make room)' });
  const shortfall = ['keyspace shop: 50 % of the ring is without a quorum of the replicas'];
  const text = backupText({ ...result, state: 'incomplete', complete: false, shortfall, nodes: [node('n1'), failed] });
  assert.match(text, /^n2 +FAILED .*disk is full \(make room\)$/m);
  assert.match(text, /backup 20261121T091500Z is NOT complete: 1 of 2 nodes failed/);
  assert.match(text, /^it is not even degraded: keyspace shop: 50 % of the ring is without a quorum of the replicas$/m);
  assert.doesNotMatch(text, / is complete/);
});

test('a degraded one says what it lacks, where that makes it thin, and how the node is added', () => {
  const failed = node('n3', { complete: false, files: 0, error: 'connection refused' });
  const missing = [{ host: 'n3', hostId: 'id-n3', reason: 'connection refused' }];
  const thin = ['blog', 'shop'].map((keyspace) => ({ keyspace, share: 200 / 3 }));
  const nodes = [node('n1'), node('n2'), failed];
  const text = backupText({ ...result, state: 'degraded', complete: false, missing, thin, nodes });
  assert.match(text, /^incremental backup 20261121T091500Z is DEGRADED: it lacks n3, 1 of 3 nodes; 1 table/m);
  assert.match(text, /replicas are lacking of 66\.7 % of the ring \(blog, shop\)$/m);
  assert.match(text, /`sstash backup --resume 20261121T091500Z` adds them/);
  assert.doesNotMatch(text, /complete/);
});

test('the document for programs has verdict, nodes with their outcomes, and counts', () => {
  const { tables, ...rest } = result;
  assert.deepEqual(backupJson(result), { ...rest, tables: tables.length });
});

const planned = {
  hostId: 'x',
  dc: 'dc1',
  rack: 'r1',
  cassandra: '4.1.10',
  files: 4,
  bytes: 2048,
};

const plan: BackupPlan = {
  id: result.id,
  kind: 'incremental',
  reason: 'because',
  location: result.location,
  path: result.path,
  warnings: [],
  cluster: 'Test Cluster',
  tables: [users, tableOf('shop', 'empty', 2)],
  nodes: [
    {
      ...planned,
      host: 'n1',
      bytesByTable: { 'shop.users': 1024 },
      transfer: 'relay',
      relayReason: 'no curl',
      compression: { choice: 'auto', by: 'host' },
    },
    { ...planned, host: 'n2', bytesByTable: { 'shop.users': 2048 }, transfer: 'relay', error: 'no route' },
    { ...planned, host: 'n3', bytesByTable: {}, transfer: 'direct', compression: { choice: 'lzo', by: 'node' } },
    { ...planned, host: 'n4', bytesByTable: {}, transfer: 'relay', compression: { choice: 'none', by: 'node' } },
  ],
  limits: { snapshotParallel: unlimited, uploadParallel: { ...unlimited, others: 1 }, rate: unlimited, transfers: 3 },
};

test('a dry run says that nothing is done, what would be, why, and how large each table is on all nodes together', () => {
  const text = backupPlanText(plan);
  assert.match(text, /^dry run: nothing is done\. An incremental backup of cluster Test Cluster would go to$/m);
  assert.match(text, /\(because\)/);
  assert.match(text, /^shop +users +3\.0 KiB$/m);
  assert.match(text, /^shop +empty +0 B$/m);
  assert.match(text, /n2 .*no route$/m);
  assert.match(text, /snapshots at once no limit; uploads at once 1 nodes; rate of a node no limit; 3 streams per node/);
});

test('a dry run says of each node which way its data would go, and who would compress it', () => {
  const text = backupPlanText(plan);
  assert.match(text, /n1 .* relay \(no curl\), compressed on this host where Cassandra has not$/m);
  assert.match(text, /n3 .* direct, compressed by lzop on the node$/m);
  assert.match(text, /n4 .* relay, not compressed$/m);
});

test('the document of a dry run has ways and limits as texts, and nothing of a node that could not be asked', () => {
  assert.deepEqual(backupPlanJson(plan), {
    ...plan,
    nodes: [
      {
        ...planned,
        host: 'n1',
        bytesByTable: { 'shop.users': 1024 },
        transfer: 'relay',
        compression: 'relay (no curl), compressed on this host where Cassandra has not',
      },
      { ...planned, host: 'n2', bytesByTable: { 'shop.users': 2048 }, transfer: 'relay', compression: '', error: 'no route' },
      { ...planned, host: 'n3', bytesByTable: {}, transfer: 'direct', compression: 'direct, compressed by lzop on the node' },
      { ...planned, host: 'n4', bytesByTable: {}, transfer: 'relay', compression: 'relay, not compressed' },
    ],
    limits: { snapshotParallel: 'no limit', uploadParallel: '1 nodes', rate: 'no limit', transfers: 3 },
  });
});
