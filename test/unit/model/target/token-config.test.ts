import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { BackupError } from '../../../../src/model/errors.ts';
import { test } from 'node:test';
import { parse } from 'yaml';
import { tokenConfig } from '../../../../src/model/target/token-config.ts';

const source = { host: 'old1', dc: 'dc1', rack: 'r1', tokens: ['-9223372036854775808', '4611686018427387904'] };
const partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner';

test('the settings of a new node are text that Cassandra reads as it is meant', () => {
  const text = tokenConfig('s1', 'new1', source, { cluster: "Bob's #1: cluster", partitioner });
  assert.deepEqual(parse(text), {
    cluster_name: "Bob's #1: cluster",
    partitioner,
    num_tokens: 2,
    initial_token: '-9223372036854775808,4611686018427387904',
    auto_bootstrap: false,
  });
  assert.match(text, /^# new1 takes the tokens that old1 had in backup s1/);
  assert.match(text, /dc=dc1 and rack=r1/);
});

test('one token, or a name of digits, is text too', () => {
  const settings = parse(tokenConfig('s1', 'n', { ...source, tokens: ['0'] }, { cluster: '2026', partitioner }));
  assert.deepEqual([settings.initial_token, settings.cluster_name, settings.num_tokens], ['0', '2026', 1]);
});

test('what an unfinished backup does not know is left to whoever reads it', () => {
  const text = tokenConfig('s1', 'n', source, undefined);
  assert.deepEqual(Object.keys(parse(text)), ['num_tokens', 'initial_token', 'auto_bootstrap']);
  assert.match(text, /^# cluster_name and partitioner: as they were/m);
});

test('whatever the backup says, the settings are those five, or there are none', () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(...`'":#\n\r-{}[]&*!|>%@\u2028`), fc.string({ minLength: 1, maxLength: 1 })),
  });
  fc.assert(
    fc.property(text, text, text, text, (name, dc, token, cluster) => {
      let settings: unknown;
      try {
        settings = parse(tokenConfig(name, name, { host: name, dc, rack: dc, tokens: [token] }, { cluster, partitioner: name }));
      } catch (error) {
        assert.ok(error instanceof BackupError, String(error));
        return;
      }
      const expected = { cluster_name: cluster, partitioner: name, num_tokens: 1, initial_token: token, auto_bootstrap: false };
      assert.deepEqual(settings, expected);
    }),
    { numRuns: 500 },
  );
});
