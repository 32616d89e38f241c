import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  dataOwnerOf,
  type NodeWays,
  ownershipTrouble,
  type Step,
  unseenParts,
  type Way,
} from '../../../../src/model/node/ownership.ts';

const [cassandra, ops, nobody] = [7100, 7101, 65_534];
const names = new Map([
  [0, 'root'],
  [cassandra, 'cassandra'],
  [ops, 'ops'],
  [nobody, 'nobody'],
]);
const [file, directory, link] = [0o100644, 0o040755, 0o120777];

function step(path: string, uid: number, mode: number, gid = uid): Step {
  return { path, mode, uid, gid, user: names.get(uid) ?? '', group: names.get(gid) ?? '', ownGroup: uid };
}

const root = step('/', 0, directory);

function way(path: string, first: Step, ...above: readonly Step[]): Way {
  return { path, missing: false, steps: [first, ...above, root] };
}

const etc = step('/etc', 0, directory);
const yaml = way('/etc/c.yaml', step('/etc/c.yaml', 0, file), etc);
const lib = step('/var/lib', 0, directory);
const dataAt = (path: string, uid = cassandra) => way(path, step(path, uid, 0o040750), lib);

const good: NodeWays = {
  logins: [0],
  packageUsers: [cassandra],
  serverUsers: [cassandra],
  file: yaml,
  directories: [dataAt('/var/lib/data'), dataAt('/var/lib/commitlog')],
};

test('a file of root and directories of the one whom the server runs as are believed', () => {
  assert.equal(ownershipTrouble(good), undefined);
  assert.equal(dataOwnerOf(good.directories)?.uid, cassandra);
  assert.equal(ownershipTrouble({ ...good, serverUsers: [] }), undefined, 'the server is down');
  assert.equal(ownershipTrouble({ ...good, serverUsers: [0] }), undefined, 'root runs it');
  const own = way('/home/ops/c.yaml', step('/home/ops/c.yaml', ops, file), step('/home/ops', ops, directory));
  const all = { ...good, logins: [ops], packageUsers: [], serverUsers: [ops], file: own };
  assert.equal(ownershipTrouble({ ...all, directories: [dataAt('/home/ops/data', ops)] }), undefined, 'the login has all');
  const byOps = { ...good, logins: [0, ops], file: own };
  assert.equal(ownershipTrouble(byOps), undefined, 'the login, who may become root, has the file');
  const rooted = [dataAt('/data', 0), dataAt('/commitlog', 0)];
  assert.equal(ownershipTrouble({ ...good, directories: rooted, serverUsers: [0] }), undefined, 'all is of root');
  const missing: Way = { path: '/var/lib/hints', missing: true, steps: [lib, root] };
  assert.equal(ownershipTrouble({ ...good, directories: [missing] }), undefined, 'nothing is there yet');
});

test('a file or a directory of somebody else, or that somebody else may write, is named with him', () => {
  const troubles: readonly (readonly [RegExp, Partial<NodeWays>])[] = [
    [/^\/etc\/c\.yaml belongs to nobody$/, { file: way('/etc/c.yaml', step('/etc/c.yaml', nobody, file), etc) }],
    [/^\/etc\/c\.yaml belongs to ops$/, { file: way('/etc/c.yaml', step('/etc/c.yaml', ops, file), etc) }],
    [/^\/etc\/c\.yaml may be written by everybody$/, { file: way('/etc/c.yaml', step('/etc/c.yaml', 0, 0o100666), etc) }],
    [
      /^\/etc\/c\.yaml may be written by the group ops$/,
      { file: way('/etc/c.yaml', step('/etc/c.yaml', 0, 0o100664, ops), etc) },
    ],
    [
      /^\/evil, on the way to \/evil\/c\.yaml, belongs to nobody$/,
      { file: way('/evil/c.yaml', step('/evil/c.yaml', 0, file), step('/evil', nobody, directory)) },
    ],
    [
      /^\/open, on the way to \/open\/c\.yaml, may be written by everybody$/,
      { file: way('/open/c.yaml', step('/open/c.yaml', 0, file), step('/open', 0, 0o040777)) },
    ],
    [
      /^\/tmp\/c\.yaml, on the way to \/etc\/c\.yaml, belongs to nobody$/,
      { file: way('/etc/c.yaml', step('/etc/c.yaml', 0, link), step('/tmp/c.yaml', nobody, file), etc) },
    ],
    [
      /^\/var\/lib\/commitlog belongs to nobody, and \/var\/lib\/data to cassandra$/,
      { directories: [dataAt('/var/lib/data'), dataAt('/var/lib/commitlog', nobody)] },
    ],
    [
      /^\/var\/lib\/data2 belongs to cassandra, and \/var\/lib\/data to nobody$/,
      { serverUsers: [], directories: [dataAt('/var/lib/data', nobody), dataAt('/var/lib/data2')] },
    ],
    [
      /^\/var\/lib\/data belongs to nobody, and the server that reads \/etc\/c\.yaml runs as another user/,
      { directories: [dataAt('/var/lib/data', nobody)] },
    ],
    [
      /^\/mnt, on the way to \/mnt\/data, belongs to ops$/,
      { directories: [way('/mnt/data', step('/mnt/data', cassandra, directory), step('/mnt', ops, directory))] },
    ],
    [
      /^\/var\/tmp may be written by everybody$/,
      { directories: [way('/var/tmp', step('/var/tmp', 0, 0o041777), step('/var', 0, directory))] },
    ],
    [
      /^\/etc\/c\.yaml belongs to cassandra$/,
      { file: way('/etc/c.yaml', step('/etc/c.yaml', cassandra, file), etc), directories: [dataAt('/data', 0)] },
    ],
    [
      /^\/srv, on the way to \/srv\/data, belongs to cassandra$/,
      { directories: [way('/srv/data', step('/srv/data', 0, directory), step('/srv', cassandra, directory))] },
    ],
    [
      /^\/var\/lib\/data, on the way to \/var\/lib\/data, belongs to cassandra$|^\/var\/lib\/data belongs to cassandra$/,
      {
        serverUsers: [],
        directories: [way('/var/lib/data', step('/var/lib/data', cassandra, link), step('/home/ops', ops, directory), lib)],
      },
    ],
    [
      /^\/tmp may be written by everybody$|^\/tmp, on the way to \/tmp\/data, may be written by everybody$/,
      { directories: [{ path: '/tmp/data', missing: true, steps: [step('/tmp', 0, 0o041777), root] }] },
    ],
  ];
  for (const [pattern, change] of troubles) {
    assert.match(ownershipTrouble({ ...good, ...change }) ?? 'none', pattern);
  }
});

test('a link of root leads to whom the data belong to', () => {
  const moved = way('/var/lib/data', step('/var/lib/data', 0, link), step('/disk2/data', cassandra, directory), lib);
  const ways = { ...good, directories: [moved, dataAt('/var/lib/commitlog')] };
  assert.equal(ownershipTrouble(ways), undefined);
  assert.equal(dataOwnerOf(ways.directories)?.uid, cassandra);
});

test("root's and a trusted user's own first group may write, and in a sticky directory each has his own", () => {
  const above = [step('/srv', 0, 0o042775, cassandra), step('/opt', cassandra, 0o040775, 0), step('/tmp', 0, 0o041777)];
  const data = way('/srv/data', step('/srv/data', cassandra, 0o042770), ...above);
  assert.equal(ownershipTrouble({ ...good, directories: [data] }), undefined);
});

test('whatever else is right, one step of a stranger is one too many', () => {
  const steps = fc.array(fc.constantFrom(step('/a', 0, directory), step('/b', cassandra, directory), step('/c', 0, link)), {
    maxLength: 4,
  });
  const strange = fc.constantFrom(
    step('/x', nobody, directory),
    step('/x', nobody, link),
    step('/x', nobody, 0o041755),
    step('/x', 0, 0o040757),
    step('/x', cassandra, 0o040775, nobody),
  );
  fc.assert(
    fc.property(steps, strange, steps, fc.boolean(), (below, bad, over, inFile) => {
      const here = [...below, bad, ...over];
      const first = inFile ? step('/f', 0, file) : step('/f', cassandra, directory);
      const spoiled = way('/f', first, ...here);
      const ways = inFile ? { ...good, file: spoiled } : { ...good, directories: [spoiled] };
      assert.match(ownershipTrouble(ways) ?? 'none', /^\/x, on the way to \/f, /);
      const clean = way('/f', first, ...below, ...over);
      assert.equal(ownershipTrouble(inFile ? { ...good, file: clean } : { ...good, directories: [clean] }), undefined);
    }),
  );
});

test('what the login may not look at is told, each once', () => {
  const hidden = { ...yaml, unseen: '/secret/x' };
  assert.deepEqual(unseenParts({ ...good, file: hidden, directories: [hidden, dataAt('/d')] }), ['/secret/x']);
});
