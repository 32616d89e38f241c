import type { Recorded } from './recorded.ts';
import type { Node } from '../../src/model/ring/ring.ts';

/**
 * What ScyllaDB's own nodetool prints, and with what it ends. No Scylla was run for it: every text is what the source of its
 * nodetool prints (tools/scylla-nodetool.cc of scylladb/scylladb, 2026.4), a test below names the function. The older one in
 * Java, of scylla-tools-java, is Cassandra's and prints what Cassandra's does.
 */

export function said(stdout: string): Recorded {
  return { stdout, stderr: '', status: 0 };
}

/** A verb or an option that it does not know, `get_selected_operation` in tools/utils.cc. */
export function unknownVerb(verb: string, known: readonly string[]): Recorded {
  const stderr = `error: unrecognized operation argument: expected one of ({${known.join(', ')}}), got ${verb}\n`;
  return { stdout: '', stderr, status: 100 };
}

/** Of seastar's app_template, which parses the options of an operation. */
export function unknownOption(option: string): Recorded {
  return { stdout: `error: unrecognised option '${option}'\n\nTry --help.\n`, stderr: '', status: 2 };
}

/** `error processing arguments`: what the tool itself finds wrong (scylla_nodetool_main). */
export function badArguments(message: string): Recorded {
  return { stdout: '', stderr: `error processing arguments: ${message}\n`, status: 1 };
}

/** A request that the server refused (scylla_rest_client::do_request, api_request_failed). */
export function refusedRequest(request: string, status: string, message: string): Recorded {
  const stderr = `error executing ${request}: remote replied with status code ${status}:\n${message}\n`;
  return { stdout: '', stderr, status: 4 };
}

/** Nobody answers on port 10000 (scylla_nodetool_main, the last catch). */
export const connectionRefused: Recorded = {
  stdout: '',
  stderr: 'error running operation: std::system_error (error system:111, Connection refused)\n',
  status: 2,
};

/** `info_operation`. */
export function infoText({ hostId, dc, rack, tokens }: Node, uptimeSeconds: number, allTokens: boolean): string {
  const lines: (readonly [string, string])[] = [
    ['ID', hostId],
    ['Gossip active', 'true'],
    ['Thrift active', 'false'],
    ['Native Transport active', 'true'],
    ['Load', '294.44 MB'],
    ['Generation No', '1474434958'],
    ['Uptime (seconds)', String(uptimeSeconds)],
    ['Heap Memory (MB)', '0.00 / 0.00'],
    ['Off Heap Memory (MB)', '7.74'],
    ['Data Center', dc],
    ['Rack', rack],
    ['Exceptions', '0'],
    ...['Key', 'Row', 'Counter'].map((name): [string, string] => [
      `${name} Cache`,
      'entries 0, size 0 bytes, capacity 0 bytes, 0 hits, 0 requests, 0.000 recent hit rate, 0 save period in seconds',
    ]),
    ['Percent Repaired', '0.0%'],
    ...(allTokens || tokens.length === 1
      ? tokens.map((token): [string, string] => ['Token', token])
      : [['Token', `(invoke with -T/--tokens to see all ${tokens.length} tokens)`] as const]),
  ];
  return lines.map(([name, value]) => `${name.padEnd(23)}: ${value}\n`).join('');
}

/** `ring_operation` and `print_dc`, without a keyspace. */
export function ringText(nodes: readonly Node[]): string {
  const owners = nodes.flatMap((node) => node.tokens.map((token) => ({ node, token })));
  const lines = owners.toSorted((a, b) => (BigInt(a.token) < BigInt(b.token) ? -1 : 1));
  const width = Math.max(0, ...nodes.map(({ address }) => address.length));
  const widths = [width + 2, 12, 7, 8, 16, 20, 44];
  const row = (cells: readonly string[]) => `${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('')}\n`;
  const dcs = [...new Set(nodes.map(({ dc }) => dc))].toSorted();
  const parts = dcs.map((dc) => {
    const own = lines.filter(({ node }) => node.dc === dc);
    const head = `\nDatacenter: ${dc}\n==========\n${row(['Address', 'Rack', 'Status', 'State', 'Load', 'Owns', 'Token'])}`;
    const highest = own.length > 1 ? row(['', '', '', '', '', '', own.at(-1)?.token ?? '']) : '\n';
    const states: Readonly<Record<string, string>> = { N: 'Normal', L: 'Leaving', J: 'Joining', M: 'Moving' };
    const rows = own.map(({ node, token }) =>
      row([
        node.address,
        node.rack,
        node.state.startsWith('D') ? 'Down' : 'Up',
        states[node.state.charAt(1)] ?? 'Normal',
        '551.31 MB',
        '?',
        token,
      ]),
    );
    return [head, highest, ...rows].join('');
  });
  const warning = nodes.some(({ tokens }) => tokens.length > 1)
    ? '\n  Warning: "nodetool ring" is used to output all the tokens of a node.\n  To view status related info of a node use "nodetool status" instead.\n\n\n'
    : '';
  return `${parts.join('')}${warning}  Note: Non-system keyspaces don't have the same replication settings, effective ownership information is meaningless\n`;
}

/** `status_operation`, without a keyspace. `excluded` are host ids. */
export function statusText(nodes: readonly Node[], excluded: ReadonlySet<string> = new Set()): string {
  const dcs = [...new Set(nodes.map(({ dc }) => dc))].toSorted();
  const parts = dcs.map((dc) => {
    const rows = [
      ['--', 'Address', 'Load', 'Tokens', 'Owns', 'Host ID', 'Rack'],
      ...nodes
        .filter((node) => node.dc === dc)
        .map(({ state, address, tokens, hostId, rack }) => [
          `${excluded.has(hostId) ? 'X' : state.charAt(0)}${state.charAt(1)}`,
          address,
          '551.31 MB',
          String(tokens.length),
          '?',
          hostId,
          rack,
        ]),
    ];
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
    const lines = rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' ')}\n`);
    const head = `Datacenter: ${dc}`;
    return `${head}\n${'='.repeat(head.length)}\nStatus=Up/Down/eXcluded\n|/ State=Normal/Leaving/Joining/Moving\n${lines.join('')}`;
  });
  return `${parts.join('')}\nNote: Non-system keyspaces don't have the same replication settings, effective ownership information is meaningless\n`;
}

/** `describecluster_operation`: neither keyspaces nor versions of the nodes, and an empty line after every schema version. */
export function describeText(cluster: string, nodes: readonly Node[]): string {
  return [
    'Cluster Information:',
    `\tName: ${cluster}`,
    '\tSnitch: org.apache.cassandra.locator.GossipingPropertyFileSnitch',
    '\tDynamicEndPointSnitch: disabled',
    '\tPartitioner: org.apache.cassandra.dht.Murmur3Partitioner',
    '\tSchema versions:',
    `\t\t86a67fc7-1d7c-3dc3-9be9-9c86b27e2506: [${nodes.map(({ address }) => address).join(', ')}]`,
    '',
    '',
  ].join('\n');
}

/** `listsnapshots_operation`. */
export function snapshotsText(
  snapshots: readonly { readonly tag: string; readonly keyspace: string; readonly table: string }[],
): string {
  if (snapshots.length === 0) {
    return 'There are no snapshots\n';
  }
  const rows = [
    ['Snapshot name', 'Keyspace name', 'Column family name', 'True size', 'Size on disk'],
    ...snapshots.map(({ tag, keyspace, table }) => [tag, keyspace, table, '0 bytes', '308.66 MB']),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' ')}\n`);
  return `Snapshot Details: \n${lines.join('')}\nTotal TrueDiskSpaceUsed: 0 bytes\n\n`;
}

/** The end of `snapshot_operation`. */
export function snapshotTaken(what: string, tag: string): string {
  return `Requested creating snapshot(s) for [${what}] with snapshot name [${tag}] and options {skipFlush=false, ttl=0}\nSnapshot directory: ${tag}\n`;
}
