import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldParts } from '../../../../src/operations/location/held-parts.ts';
import { nodeManifestKey } from '../../../../src/storage/keys.ts';
import { nodeManifestOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { scriptedCluster } from '../../../support/scripted-cluster.ts';
import { program } from '../../../support/scripted-remote.ts';

test('with the lock lost no command begins on a node, and nothing is written, by whatever part of an operation', async (t) => {
  const cluster = await scriptedCluster(t);
  const lost = new Error('the lock is lost');
  let isHeld = true;
  const held = heldParts(cluster.parts, {
    assertHeld: () => {
      if (!isHeld) {
        throw lost;
      }
    },
  });
  const remote = await held.connect('node1', never);
  await remote.run(['nodetool', 'ring'], {}, never);
  await held.repository.saveSchema({ id: 's1' }, 'CREATE', never);
  isHeld = false;
  await assert.rejects(remote.run(['nodetool', 'clearsnapshot', '-t', 'sstash-1'], {}, never), lost);
  await assert.rejects(async () => {
    for await (const _ of remote.read(['nodetool', 'clearsnapshot', '-t', 'sstash-1'], {}, never)) {
      assert.fail('it ran');
    }
  }, lost);
  assert.deepEqual(cluster.node('node1').remote.ran(program('nodetool', 'clearsnapshot')), []);
  await assert.rejects(held.repository.saveSchema({ id: 's1' }, 'DROP', never), lost);
  await assert.rejects(held.repository.ofAll.saveNodeManifest(nodeManifestOf(), never), lost);
  await assert.rejects(held.repository.ofSigned.closeChain('s1', 'why', never), lost);
  assert.equal(await held.repository.schema({ id: 's1' }, never), 'CREATE', 'to read does no harm');
  assert.deepEqual(await cluster.keys(nodeManifestKey({ id: nodeManifestOf().backup }, nodeManifestOf().host)), []);
});
