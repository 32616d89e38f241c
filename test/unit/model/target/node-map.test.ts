import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { mapLines, mappedHost, parseNodeMap, refuseShared, refuseUnknownNames } from '../../../../src/model/target/node-map.ts';

const refused = (work: () => unknown, says: RegExp): void =>
  assert.throws(work, (error) => error instanceof UsageError && says.test(error.message));

test('pairs map nodes of the backup to hosts; who is not in them keeps its name', () => {
  const map = parseNodeMap(['a=x', 'b.example.com=10.0.0.2', 'c=fe80::1', 'a=x']);
  assert.deepEqual(
    [...map],
    [
      ['a', 'x'],
      ['b.example.com', '10.0.0.2'],
      ['c', 'fe80::1'],
    ],
  );
  assert.equal(mappedHost(map, 'a'), 'x');
  assert.equal(mappedHost(map, 'd'), 'd');
});

test('a file has a pair on each line, blanks and comments left out', () =>
  assert.deepEqual(mapLines('# racks swapped\na = x\n\n\tb=y # by hand\r\n'), ['a=x', 'b=y']));

test('what is no pair, or no name that can be a host, is refused', () => {
  for (const pair of ['a', 'a=', '=x', 'a=x=y', 'a=../x', 'a=x/y', 'a=-x']) {
    refused(() => parseNodeMap([pair]), /maps no node to a host/);
  }
});

test('a node goes to one host, and a host gets one node', () => {
  refused(() => parseNodeMap(['a=x', 'a=y']), /a is mapped to both x and y/);
  refused(() => parseNodeMap(['a=x', 'b=x']), /x would get the data of both a and b/);
  // b is not mapped, and keeps its name.
  refused(
    () =>
      refuseShared([
        ['a', 'b'],
        ['b', 'b'],
      ]),
    /b would get the data of both a and b/,
  );
});

test('names that nobody knows are typing mistakes', () => {
  const map = parseNodeMap(['a=x']);
  refuseUnknownNames(map, ['a', 'b'], []);
  refuseUnknownNames(map, ['a', 'b'], ['x', 'y']);
  refused(() => refuseUnknownNames(map, ['b'], ['x']), /a=x: the backup holds nothing of a/);
  refused(() => refuseUnknownNames(map, ['a'], ['y']), /a=x: x is none of the hosts/);
});
