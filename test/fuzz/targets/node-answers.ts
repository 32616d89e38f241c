import assert from 'node:assert/strict';
import { MarkerFilter } from '../../../src/cluster/ssh/command-frame.ts';
import { Tail, commandFailure } from '../../../src/cluster/ssh/command-failure.ts';
import {
  parseCluster,
  parseDataPaths,
  parseInfo,
  parseRing,
  parseSnapshotTags,
  parseStatus,
} from '../../../src/cluster/tools/nodetool-output.ts';
import { parseNodeConfig } from '../../../src/cluster/tools/node-config.ts';
import { probeNode } from '../../../src/cluster/tools/node-probe.ts';
import { failureLine } from '../../../src/cluster/tools/run-tool.ts';
import { scyllaOptions } from '../../../src/cluster/tools/scylla-server.ts';
import { ringFromTexts } from '../../../src/cluster/tools/topology.ts';
import { complaintAbout } from '../../../src/model/node/server-complaints.ts';
import { isTombstoneLimit, judgeComplaint, logExcerpt } from '../../../src/model/restore/probe/outcome.ts';
import { answerError, isAbsent } from '../../../src/transfer/direct/answer.ts';
import { readGreeting, readMessage } from '../../../src/transfer/direct/messages.ts';
import { never } from '../../support/never.ts';
import { answering, answeringTool } from '../answering.ts';
import { type Target, assertSound, each } from '../target.ts';

/** What the programs of a node say; a node is not trusted. */
export const nodeAnswerTargets: readonly Target[] = [
  {
    name: 'nodetool',
    corpus: ['nodetool'],
    check: (bytes) => {
      const text = bytes.toString('utf8');
      return each(
        () => assertSound(parseInfo(text)),
        () => assertSound(parseCluster(text)),
        () => parseStatus(text),
        () => parseDataPaths(text),
        () => parseSnapshotTags(text),
        () => ringFromTexts(text, text, parseRing(text)),
        () => failureLine({ stdout: text, stderr: text, status: 1 }, 'nodetool'),
      );
    },
  },
  {
    name: 'node-config',
    corpus: [],
    // The YAML library is slower than its input is long: 128 KiB of some texts take it more than twenty seconds.
    longBytes: 1 << 14,
    check: (bytes) => {
      const text = bytes.toString('utf8');
      return each(
        () => configIn(text),
        () => configIn('', `--workdir\n${text}`),
        () => configIn('', text),
        () => scyllaOptions(text),
      );
    },
  },
  {
    name: 'probe',
    corpus: [],
    check: async (bytes) => assertSound(await probeNode(answeringTool(bytes).remote, ['/data/1', '/data/2'], never)),
  },
  {
    name: 'server-log',
    corpus: [],
    check: (bytes) => {
      const text = bytes.toString('utf8');
      const lines = text.split('\n');
      const [excerpt, about] = [logExcerpt(lines), complaintAbout(lines, 'shop')];
      assert.ok(excerpt.join('').length <= 1200 && (about ?? '').length <= 600);
      isTombstoneLimit(lines);
      for (const line of lines.slice(0, 20)) {
        assertSound(judgeComplaint({ kind: 'ReadFailure', text: line, message: line }));
      }
      // Of the error stream only the end is kept.
      const tail = new Tail();
      tail.add(bytes);
      assert.ok(commandFailure('node1', ['nodetool', 'status'], { status: 127 }, tail.text).message.length < 5_000);
      commandFailure('node1', ['nodetool', 'status'], { status: 1 }, tail.text);
    },
  },
  {
    name: 'messages',
    corpus: [],
    check: (bytes) => {
      const lines = bytes.toString('utf8').split('\n');
      return each(...lines.slice(0, 20).flatMap((line) => [() => readGreeting('node1', line), () => messageIn(line)]), () =>
        answered(bytes.toString('utf8')),
      );
    },
  },
  {
    name: 'marker',
    corpus: [],
    check: (bytes) => {
      const [whole, cut] = [new MarkerFilter('nonce'), new MarkerFilter('nonce')];
      const own = Buffer.from(whole.pass(bytes) ?? []);
      const parts = [];
      for (let from = 0; from < bytes.length; from += 40_961) {
        parts.push(cut.pass(bytes.subarray(from, from + 40_961)) ?? Buffer.of());
      }
      assert.ok(Buffer.concat(parts).equals(own));
      assert.deepEqual(cut.process, whole.process);
      assert.ok(Buffer.byteLength(whole.noise) <= 3 * 4096);
    },
  },
  {
    name: 'journals',
    corpus: [],
    check: async (bytes) => {
      const node = answering(bytes);
      const { readJournals, readPlacingDisks } = await import('../../../src/cluster/placing/placing.ts');
      const { readHolds } = await import('../../../src/cluster/placing/grace-record.ts');
      const { readDataLinks } = await import('../../../src/cluster/files/data-links.ts');
      return each(
        async () => assertSound(await readJournals(node, never)),
        async () => assertSound(await readHolds(node, never)),
        async () => assertSound(await readPlacingDisks(node, '/stage', never)),
        async () => assertSound(await readDataLinks(node, never)),
      );
    },
  },
];

function configIn(text: string, started?: string): void {
  const config = parseNodeConfig('/etc/cassandra/cassandra.yaml', text, started);
  assertSound(config);
  assert.ok(config.dataDirectories.length > 0);
  assert.ok(config.dataDirectories.every((directory) => directory.startsWith('/')));
  assert.ok(Number.isInteger(config.cqlPort), `port ${config.cqlPort}`);
}

function messageIn(line: string): void {
  const { message } = readMessage('node1', line);
  assertSound(message);
  if (message.kind === 'sent' || message.kind === 'got') {
    answerError('node1', 'key', message.answer);
  }
}

function answered(said: string): void {
  for (const status of [0, 200, 403, 404, 503]) {
    const answer = { status, etag: '', said, trusted: status !== 404 };
    answerError('node1', 'key', answer);
    isAbsent(answer);
  }
}
