import assert from 'node:assert/strict';
import { findComponents, readDigests } from '../../../src/cluster/files/component-search.ts';
import { findLinks } from '../../../src/cluster/files/find-links.ts';
import { parseFileList } from '../../../src/cluster/files/snapshot-manifest.ts';
import { assembleListing, missingFromSnapshot, parseDigest } from '../../../src/cluster/files/snapshot-listing.ts';
import { judgeHostKey, keyTypeOf, knownKeyTypes, parseKnownHosts } from '../../../src/cluster/ssh/known-hosts.ts';
import { tableOf } from '../../support/manifests.ts';
import { never } from '../../support/never.ts';
import { answering } from '../answering.ts';
import { type Target, assertSound, each } from '../target.ts';

export const fileTargets: readonly Target[] = [
  {
    name: 'find',
    corpus: [],
    check: async (bytes) => {
      const { remote } = answering(bytes);
      const node = answering(bytes);
      return each(
        async () => {
          const entries = await collected(findLinks(remote, '/data/1', 'backups', never));
          assertSound(entries);
          const texts = new Map(entries.map(({ path }) => [path, '{"files":["nb-1-big-Data.db"]}']));
          const listing = assembleListing('node1', 'tag', [{ directory: '/data/1', entries, texts }]);
          missingFromSnapshot(listing, [tableOf('shop', 'users')]);
        },
        async () => assertSound(await collected(findComponents(node, [tableOf('shop', 'users')], never))),
        async () => {
          const digests = await readDigests(remote, ['/data/1/a'], never);
          assert.ok([...digests.values()].every((digest) => /^[0-9a-f]{8}$/.test(digest)));
        },
      );
    },
  },
  {
    name: 'snapshot-texts',
    corpus: [],
    check: (bytes) => {
      const text = bytes.toString('utf8');
      const files = parseFileList(text) ?? [];
      assert.ok(files.every((file) => typeof file === 'string'));
      assert.match(parseDigest(text) ?? '00000000', /^[0-9a-f]{8}$/);
    },
  },
  {
    name: 'known-hosts',
    corpus: [],
    check: (bytes) => {
      const lines = parseKnownHosts(bytes.toString('utf8'), 'known_hosts');
      const key = Buffer.from(lines[0]?.key ?? '', 'base64');
      for (const host of ['node1', '10.0.0.1', '::1', 'a'.repeat(255)]) {
        judgeHostKey(lines, host, 2222, key);
        knownKeyTypes(lines, host, 22);
      }
      assert.ok(lines.every((line) => keyTypeOf(Buffer.from(line.key, 'base64')) === line.keyType));
      keyTypeOf(bytes);
    },
  },
];

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}
