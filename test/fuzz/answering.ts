import type { Remote } from '../../src/cluster/remote.ts';
import type { ServerNode } from '../../src/cluster/node.ts';

/** A node that answers every command with the same bytes. */
export function answering(bytes: Buffer, flavour: 'cassandra' | 'scylla' = 'cassandra'): ServerNode {
  const remote: Remote = {
    host: 'node1',
    run: async () => bytes.toString('utf8'),
    read: () => inPieces(bytes),
    close: async () => {},
  };
  return {
    remote,
    files: remote,
    programs: { nodetool: ['nodetool'], cqlsh: ['cqlsh'] },
    config: { cqlAddress: '127.0.0.1', cqlPort: 9042, cqlEncrypted: false, flavour, dataDirectories: ['/data/1', '/data/2'] },
  };
}

/** The same as a program that reports its status: what it printed, and that it went well. */
export function answeringTool(bytes: Buffer, flavour: 'cassandra' | 'scylla' = 'cassandra'): ServerNode {
  return answering(Buffer.concat([bytes, Buffer.from('\u001e0\u001e')]), flavour);
}

/** As a connection cuts it: first of all a single byte, then pieces of the usual size. */
export async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0, to = 1; from < bytes.length; from = to, to += 32_768) {
    yield bytes.subarray(from, to);
  }
}
