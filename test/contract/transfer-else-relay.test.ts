import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, after, test } from 'node:test';
import type { Remote } from '../../src/cluster/remote.ts';
import { openLzoPool } from '../../src/codec/lzo/pool.ts';
import { messageOf } from '../../src/model/errors.ts';
import { direct } from '../../src/transfer/direct/direct.ts';
import { directElseRelay } from '../../src/transfer/else-relay.ts';
import { relay } from '../../src/transfer/relay/relay.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { faultyGateway } from '../support/faulty-gateway.ts';
import { localRemote } from '../support/local-remote.ts';
import { noise } from '../support/lzop.ts';
import { nodePrograms } from '../support/node-programs.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type Place, place, signal, uploaded } from './transfer.ts';

/** What a probe could not know: the store, or what lies before it, treats nodes other than the control host. */

const gateway = faultyGateway();
const { skip } = gateway;
const pool = openLzoPool({ threads: 1 });
const patience = { attempts: 2, firstDelayMs: 10 };
after(() => pool.close());

interface Either extends Place {
  readonly told: string[];
}

async function either(t: TestContext, remote: Remote): Promise<Either> {
  const told: string[] = [];
  const withoutLzop = new Set<Remote>();
  const at = await place(t, {
    title: '',
    remote,
    seesLargeFiles: () => false,
    open: (_, store) => {
      const signer = store.signer ?? assert.fail('the store signs nothing');
      const straight = direct({ store, signer, programs: nodePrograms(t), patience });
      const relayed = relay({ store, pool, hasLzop: (node) => !withoutLzop.has(node) });
      return directElseRelay(straight, relayed, {
        changed: (_host, reason) => void told.push(messageOf(reason)),
        inVain: (_host, reason) => assert.fail(messageOf(reason)),
        lzopFails: (node) => withoutLzop.add(node),
      });
    },
    openStore: (context) => gateway.openLocation(context),
  });
  return { ...at, told };
}

/** Nodes send what was signed for them; this host signs in its headers. */
function spoilNodes(method: 'GET' | 'PUT', fault: Fault): void {
  gateway.proxy.spoil((asked, path) => (asked === method && path.includes('X-Amz-Signature=') ? fault : undefined));
}

const faults: readonly (readonly [what: string, method: 'GET' | 'PUT', fault: Fault, says: RegExp])[] = [
  [
    'objects below this prefix are refused to nodes',
    'PUT',
    { status: 403, code: 'AccessDenied', message: 'explicit deny by aws:SourceVpce' },
    /AccessDenied: explicit deny by aws:SourceVpce/,
  ],
  ['bodies of this size do not get through', 'PUT', { cutUploadAfter: 100_000 }, /cannot exchange/],
  ['a node is told that there is no such object', 'GET', { status: 404, code: 'NoSuchKey' }, /does not exist/],
  ['what answers the node is no store', 'GET', { status: 404, code: 'NotHere' }, /NotHere.*HTTP 404/],
];
for (const [what, method, fault, says] of faults) {
  test(`${what}: its bytes go by relay, and the reason is told`, { skip, timeout: 120_000 }, async (t) => {
    const remote = localRemote({ host: 'node7' });
    const at = await either(t, remote);
    try {
      for (const [name, bytes] of [
        ['nb-1-big-Data.db', noise(1_300_000)],
        ['nb-2-big-Data.db', noise(200_000)],
      ] as const) {
        spoilNodes(method, fault);
        const [file] = await uploaded(at, remote, [await at.source(name, bytes)]);
        await at.transfer.download([{ file: file ?? assert.fail('nothing stored'), path: name }], at.landing(), remote, signal);
        assert.ok((await readFile(at.landed(name))).equals(bytes));
      }
    } finally {
      gateway.proxy.spoil(() => undefined);
    }
    assert.equal(at.told.length, 1);
    assert.match(at.told[0] ?? '', says);
  });
}

test('a node whose lzop is broken has its files packed and unpacked by this host', { skip, timeout: 120_000 }, async (t) => {
  const bin = await temporaryDirectory(t);
  await writeFile(join(bin, 'lzop'), '#!/bin/sh\ncat >/dev/null; echo "Illegal instruction" >&2; exit 1\n', { mode: 0o755 });
  for (const bytes of [noise(1_300_000), noise(200_000)]) {
    const broken = localRemote({ host: 'node7', path: [bin] });
    const at = await either(t, broken);
    const [file] = await uploaded(at, broken, [await at.source('nb-1-big-Data.db', bytes)]);
    await at.transfer.download([{ file: file ?? assert.fail('nothing stored'), path: 'x' }], at.landing(), broken, signal);
    assert.ok((await readFile(at.landed('x'))).equals(bytes));
    assert.match(at.told.join(), /Illegal instruction/);
  }
});
