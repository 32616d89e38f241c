import { becomeScript, killScript, lifeLineScript } from '../../src/cluster/ssh/command-frame.ts';
import { endsWith } from '../../src/model/node/shell-text.ts';
import { restartScript } from '../../src/model/restore/by-hand/restart.ts';
import { refreshScript } from '../../src/model/restore/by-hand/refresh.ts';

const table = { keyspace: 'shop', table: 'users', id: 'a'.repeat(32), liveId: 'b'.repeat(32), bytes: 0, files: 0 };

const file = { path: 'nb-7-big-Data.db', bytes: 0, modified: '', disk: 1, key: '', storedBytes: 0, etag: '', since: '' };
const stored = { ...file, compression: 'lzo', storedCrc32: '0badcafe' } as const;

const node = {
  host: 'h1',
  shell: 'ssh ops@h1 sudo -n sh -s',
  stagingDirectory: '/restore',
  dataDirectories: ["/disk 1/it's data", '/disk2'],
  dataUser: 999,
  commitlogDirectory: '/commitlog',
  hintsDirectory: '/hints',
  savedCachesDirectory: '/caches',
  nodetool: ['nodetool'],
  parts: [{ disk: '/disk2', directory: '', table: { ...table, files: [stored] } }],
};

const endOf = endsWith('0123456789abcdef');

const restart = restartScript([node, { ...node, host: 'h2' }], [table, { ...table, table: 'orders', liveId: table.id }], endOf);

const refresh = refreshScript([node, { ...node, host: 'h2' }], [table, { ...table, table: 'orders' }], endOf);

/** What the functions make whose names end in `Script`, by their names. */
export const samples: Readonly<Record<string, readonly string[]>> = {
  becomeScript: [
    becomeScript(['nodetool', 'status'], 'n0nce', { input: false }),
    becomeScript(['cat'], 'n0nce', { sudo: { user: 'cassandra' }, input: true }),
  ],
  lifeLineScript: [lifeLineScript(), lifeLineScript({ user: 'cassandra' })],
  killScript: [killScript({ pid: 7, group: 7, startTime: '77' }), killScript({ pid: 7, group: 7, startTime: '77' }, {})],
  // A shell takes a here-document for mere text.
  refreshScript: [refresh, ...hereDocuments(refresh)],
  restartScript: [restart, ...hereDocuments(restart)],
};

function hereDocuments(script: string): readonly string[] {
  return ['SSTASH', 'PLACE']
    .map(endOf)
    .flatMap((end) => [...script.matchAll(new RegExp(`<<'${end}'\\n([^]*?)\\n${end}\\n`, 'g'))].map(([, text = '']) => text));
}
