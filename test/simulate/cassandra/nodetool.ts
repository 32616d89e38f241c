import type { TableId } from '../../../src/model/sstable.ts';
import type { Recorded } from '../../support/recorded.ts';
import { dataPathsText, describeText, infoText, ringText, snapshotsText, statusText } from '../../support/scripted-texts.ts';
import { Errno } from '../host/files/errno.ts';
import type { Cluster, ClusterMember } from './cluster.ts';
import { dataDirectory } from './server.ts';

const done = (stdout = ''): Recorded => ({ stdout, stderr: '', status: 0 });
const refused = (reason: string): Recorded => ({
  stdout: '',
  stderr: `nodetool: ${reason}\nSee 'nodetool help' or 'nodetool help <command>'.\n`,
  status: 1,
});

/** What nodetool of Cassandra 5.0 does and says on a node. */
export function nodetool(cluster: Cluster, member: ClusterMember, words: readonly string[], nowMs: number): Recorded {
  try {
    return answer(cluster, member, words, nowMs);
  } catch (error) {
    if (error instanceof Errno) {
      return {
        stdout: '',
        stderr: `error: ${error.message}\n-- StackTrace --\njava.io.IOException: ${error.message}\n`,
        status: 2,
      };
    }
    throw error;
  }
}

function answer(cluster: Cluster, { node, server }: ClusterMember, words: readonly string[], nowMs: number): Recorded {
  if (!server.up) {
    return {
      stdout: '',
      stderr: "nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused (Connection refused)'.\n",
      status: 1,
    };
  }
  server.endSnapshots();
  const { view, schema } = cluster;
  const [verb = '', ...args] = words;
  switch (verb) {
    case 'info':
      return done(infoText(node, Math.floor((nowMs - server.startedMs) / 1000)));
    case 'ring':
      return done(ringText(view.nodes));
    case 'status':
      return done(statusText(view.nodes));
    case 'describecluster':
      return done(describeText(view));
    case 'datapaths':
      return done(dataPathsText(view.tables, dataDirectory));
    case 'statusbackup':
      return done(server.incremental ? 'running\n' : 'not running\n');
    case 'listsnapshots':
      return done(snapshotsText(server.snapshotTags()));
    case 'clearsnapshot':
      server.clearSnapshot(args[1] ?? '');
      return done(`Requested clearing snapshot(s) for [all keyspaces] with snapshot name [${args[1]}]\n`);
    case 'drain':
      server.flush(schema.tables);
      return done();
    case 'repair':
      return done();
    case 'flush': {
      const [, keyspace, ...names] = args;
      const chosen = schema.tables.filter(
        (table) => (keyspace === undefined || table.keyspace === keyspace) && (names.length === 0 || names.includes(table.table)),
      );
      if (keyspace !== undefined && !schema.keyspaces.has(keyspace)) {
        return refused(`Keyspace ${keyspace} does not exist`);
      }
      server.flush(chosen);
      return done();
    }
    case 'snapshot':
      return snapshot(cluster, server, args);
    case 'import': {
      const [, keyspace = '', name = '', directory = ''] = args;
      const table = schema.named(keyspace, name);
      const complaint = table === undefined ? `Unknown table ${keyspace}.${name}` : server.import(table, directory);
      return complaint === undefined ? done() : refused(complaint);
    }
    case 'refresh': {
      const [, keyspace = '', name = ''] = args;
      const table = schema.named(keyspace, name);
      if (table === undefined) {
        return refused(`Unknown keyspace/cf pair (${keyspace}.${name})`);
      }
      server.refresh(table);
      return done();
    }
    default:
      throw new Error(`the simulated nodetool knows no ${words.join(' ')}`);
  }
}

function snapshot({ schema }: Cluster, server: ClusterMember['server'], args: readonly string[]): Recorded {
  const [, tag = '', ...rest] = args;
  const [ttl, [flag, ...names]] = rest[0] === '--ttl' ? [rest[1], rest.slice(2)] : [undefined, rest];
  if (server.snapshotTags().includes(tag)) {
    return {
      stdout: '',
      stderr: `error: Snapshot ${tag} already exists.\n-- StackTrace --\njava.io.IOException: Snapshot ${tag} already exists.\n`,
      status: 2,
    };
  }
  const wanted = names.flatMap((name) => name.split(','));
  const known = new Set(schema.tables.flatMap(({ keyspace, table }) => [keyspace, `${keyspace}.${table}`]));
  const unknown = wanted.find((name) => !known.has(name));
  if (unknown !== undefined) {
    return refused(unknown.includes('.') ? `Unknown keyspace/cf pair (${unknown})` : `Keyspace ${unknown} does not exist`);
  }
  const isWanted = ({ keyspace, table }: TableId): boolean =>
    wanted.includes(keyspace) || wanted.includes(`${keyspace}.${table}`);
  const seconds = ttl === undefined ? undefined : Number.parseInt(ttl, 10);
  server.snapshot(tag, flag === undefined ? schema.tables : schema.tables.filter(isWanted), seconds);
  return done(`Requested creating snapshot(s) for [all keyspaces] with snapshot name [${tag}]\nSnapshot directory: ${tag}\n`);
}
