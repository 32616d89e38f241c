import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { listTablesScript, readFilesScript } from '../../src/cluster/files/component-search.ts';
import { listDataLinksScript } from '../../src/cluster/files/data-links.ts';
import { findInScript } from '../../src/cluster/files/find-links.ts';
import { removeFilesScript } from '../../src/cluster/files/incremental-files.ts';
import { listLiveFilesScript } from '../../src/cluster/files/live-files.ts';
import { tableDirectoriesScript } from '../../src/cluster/files/table-directories.ts';
import { readInScript } from '../../src/cluster/files/small-files.ts';
import { readGraceScript, writeGraceScript } from '../../src/cluster/placing/grace-record.ts';
import { holdNodeScript } from '../../src/cluster/placing/node-lock-script.ts';
import { markAgesScript } from '../../src/cluster/placing/placed-mark.ts';
import {
  chooseStagingScript,
  clearIncomingScript,
  findStagingsScript,
  listStagedScript,
  noteEmptiedScript,
  openStagingScript,
  removeStagingScript,
} from '../../src/cluster/placing/staging-script.ts';
import {
  clearFilesScript,
  clearSecretsScript,
  clearStagingScript,
  clearUndoScript,
} from '../../src/cluster/leftovers/clear-script.ts';
import { lookForLeftScript, lookForSecretsScript } from '../../src/cluster/leftovers/look-script.ts';
import { findOwnerScript } from '../../src/cluster/files/as-owner.ts';
import { placeUnitScript } from '../../src/transfer/relay/landing.ts';
import { listFilesScript } from '../../src/cluster/placing/table-import.ts';
import { findConfigScript } from '../../src/cluster/tools/find-config.ts';
import { listJournalsScript } from '../../src/cluster/placing/placing.ts';
import { lookAtWaysScript } from '../../src/cluster/tools/node-ways.ts';
import { probeToolsScript } from '../../src/cluster/tools/node-probe.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import { type TableId, tableDirectory } from '../../src/model/sstable.ts';
import { localRemote } from './local-remote.ts';
import { linkAll, sstable } from './one-node.ts';
import { type Recorded, recordedNodetool } from './recorded.ts';
import { cql, fails, program, runsOn, says, script, type ScriptedRemote, scriptedRemote } from './scripted-remote.ts';
import {
  type ClusterView,
  createTable,
  dataPathsText,
  describeText,
  infoText,
  probeText,
  ringText,
  schemaText,
  snapshotsText,
  statusText,
  systemRowsText,
  tableKeysText,
  tableStatesText,
  waysText,
} from './scripted-texts.ts';
import { extractScript } from '../../src/transfer/relay/download.ts';
import { readPlainScript } from '../../src/cluster/files/plain-files.ts';

/**
 * A node whose files are real and whose Cassandra is not: `find`, `cat` and the like run on a directory of this machine,
 * nodetool and cqlsh answer from a script. What a test wants otherwise it says by rules of its own on `remote`.
 */
export class ScriptedNode {
  readonly host: string;
  readonly node: Node;
  readonly remote: ScriptedRemote;
  /** What the node believes of the cluster. */
  view: ClusterView;
  /** Whether Cassandra runs: nodetool and cqlsh get no answer otherwise. */
  up = true;
  uptimeSeconds = 86_400;
  /** Of its clock against this host's. */
  clockAheadMs = 0;
  /** What `nodetool statusbackup` says: whether flushed sstables are linked into `backups`. */
  keepsIncrementals = false;
  /** What cassandra.yaml says of it. */
  incrementalBackups = false;
  /** Whether cassandra.yaml was changed since the server was started. */
  edited = false;
  /** When tables were truncated, by their id. */
  readonly truncatedAt: Map<string, Date> = new Map();
  /** When tables were made, by their id; where it is not said, the node does not say it either. */
  readonly madeAt: Map<string, Date> = new Map();
  readonly #root: string;

  constructor(
    test: TestContext,
    host: string,
    node: Node,
    { root, view }: { readonly root: string; readonly view: ClusterView },
  ) {
    this.host = host;
    this.node = node;
    this.view = view;
    this.#root = root;
    this.remote = scriptedRemote(test, host);
    this.#answerFiles();
    this.#answerNodetool();
    this.#answerCqlsh();
    this.remote.on((call) => !this.up && (program('nodetool')(call) || program('cqlsh')(call)), fails(refused));
  }

  /** The one data directory. */
  get data(): string {
    return join(this.#root, 'data');
  }

  live(table: TableId): string {
    return join(this.data, tableDirectory(table));
  }

  /** Writes a small sstable into the table's live directory, and links it where incremental backups are on. */
  async writeSSTable(table: TableId, generation: number, bytes = 2000): Promise<void> {
    const live = this.live(table);
    await mkdir(join(live, 'backups'), { recursive: true });
    for (const [name, content] of Object.entries(sstable(generation, bytes))) {
      await writeFile(join(live, name), content);
    }
    if (this.keepsIncrementals) {
      await linkAll(live, join(live, 'backups'), (name) => name.startsWith(`nb-${generation}-`));
    }
  }

  /** Tags of the snapshots that lie on the node. */
  async snapshots(): Promise<readonly string[]> {
    return [...new Set((await this.#snapshotPlaces()).map((place) => basename(place)))].toSorted();
  }

  /** As Cassandra does: links of every file, its own list of them, and the schema. */
  async takeSnapshot(tag: string, tables: readonly TableId[] = this.view.tables): Promise<void> {
    for (const table of tables) {
      const snapshot = join(this.live(table), 'snapshots', tag);
      const names = await linkAll(this.live(table), snapshot, () => true);
      const files = names.filter((name) => name.endsWith('-Data.db'));
      await writeFile(join(snapshot, 'manifest.json'), JSON.stringify({ files }));
      await writeFile(join(snapshot, 'schema.cql'), `${createTable(table)}\n`);
    }
  }

  async #snapshotPlaces(): Promise<readonly string[]> {
    const entries = await readdir(this.data, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && basename(entry.parentPath) === 'snapshots')
      .map(({ parentPath, name }) => join(parentPath, name));
  }

  #answerFiles(): void {
    const { remote } = this;
    const here = localRemote({ host: this.host });
    const real = runsOn(here);
    const reading = [
      findInScript,
      readInScript,
      listLiveFilesScript,
      tableDirectoriesScript,
      markAgesScript,
      listFilesScript,
      listDataLinksScript,
      readGraceScript,
      listJournalsScript,
      findOwnerScript,
      chooseStagingScript,
      lookForLeftScript,
      listStagedScript,
      listTablesScript,
    ];
    const writing = [
      clearFilesScript,
      clearSecretsScript,
      clearStagingScript,
      clearUndoScript,
      writeGraceScript,
      removeFilesScript,
      openStagingScript,
      removeStagingScript,
      noteEmptiedScript,
      holdNodeScript,
      placeUnitScript,
      extractScript,
    ];
    const programs = [
      program('cat'),
      ...[readPlainScript, readFilesScript].map((text) => program('xargs', '-0', 'sh', '-c', text)),
    ];
    for (const match of [...reading.map((text) => script(text)), ...writing.map((text) => script(text)), ...programs]) {
      remote.on(match, real);
    }
    // What lies in directories of this machine that others use is nothing of this node's.
    remote.on(script(findStagingsScript), ({ argv, options, signal }) =>
      here.read(
        ['sh', '-c', findStagingsScript, 'sh', ...argv.slice(4).filter((home) => !home.startsWith('/tmp/cass'))],
        options,
        signal,
      ),
    );
    remote.on(script(lookForSecretsScript), says(''));
    // Without the second that it waits after a failure: here nothing goes on behind its back.
    remote.on(script(clearIncomingScript), ({ argv, options, signal }) =>
      here.read(['sh', '-c', clearIncomingScript, 'sh', argv[4] ?? '', argv[5] ?? '', '0'], options, signal),
    );
    remote.on(
      script(findConfigScript),
      says(() => `/etc/cassandra/cassandra.yaml\0\0${this.edited ? 'edited' : ''}\0\0\0${this.#configText()}`),
    );
    remote.on(
      script(lookAtWaysScript),
      says(({ argv }) => waysText(argv.slice(4))),
    );
    remote.on(
      script(probeToolsScript),
      says(({ argv }) => `${probeText(argv.slice(4))}now\t${Math.floor((Date.now() + this.clockAheadMs) / 1000)}\n`),
    );
  }

  #answerNodetool(): void {
    const answers: Readonly<Record<string, (...args: readonly string[]) => Answer | Promise<Answer>>> = {
      'info -T': () => infoText(this.node, this.uptimeSeconds),
      ring: () => ringText(this.view.nodes),
      status: () => statusText(this.view.nodes),
      describecluster: () => describeText(this.view),
      datapaths: () => dataPathsText(this.view.tables, this.data),
      statusbackup: () => (this.keepsIncrementals ? 'running\n' : 'not running\n'),
      flush: (_, keyspace) => this.#refusal(keyspace === undefined ? [] : [keyspace]) ?? '',
      listsnapshots: async () => snapshotsText(await this.snapshots()),
      'snapshot -t': (tag = '', ...words) => {
        const [flag = '', ...names] = words[0] === '--ttl' ? words.slice(2) : words;
        return this.#snapshot(tag, flag, names);
      },
      'clearsnapshot -t': async (tag = '') => {
        const places = (await this.#snapshotPlaces()).filter((place) => basename(place) === tag);
        await Promise.all(places.map((place) => rm(place, { recursive: true })));
        return `Requested clearing snapshot(s) for [all keyspaces] with snapshot name [${tag}]\n`;
      },
    };
    for (const [verb, answer] of Object.entries(answers)) {
      const words = ['nodetool', ...verb.split(' ')];
      this.remote.on(
        program(...words),
        says(({ argv }) => answer(...argv.slice(words.length))),
      );
    }
  }

  async #snapshot(tag: string, flag: string, names: readonly string[]): Promise<Answer> {
    if ((await this.snapshots()).includes(tag)) {
      return recordedNodetool('5.0.9', 'snapshot-duplicate-tag');
    }
    const chosen = names.flatMap((name) => name.split(','));
    const refusal = this.#refusal(chosen);
    if (refusal !== undefined) {
      return refusal;
    }
    const isChosen = ({ keyspace, table }: TableId) => chosen.includes(keyspace) || chosen.includes(`${keyspace}.${table}`);
    await this.takeSnapshot(tag, flag === '' ? this.view.tables : this.view.tables.filter(isChosen));
    return `Requested creating snapshot(s) for [all keyspaces] with snapshot name [${tag}]\nSnapshot directory: ${tag}\n`;
  }

  /** What Cassandra says, and does nothing, when one of the keyspaces or tables (`shop.users`) is not there. */
  #refusal(names: readonly string[]): Answer | undefined {
    const known = this.view.tables.flatMap(({ keyspace, table }) => [keyspace, `${keyspace}.${table}`]);
    const unknown = names.find((name) => !known.includes(name));
    const reason =
      unknown?.includes('.') === true ? `Unknown keyspace/cf pair (${unknown})` : `Keyspace ${unknown} does not exist`;
    return unknown === undefined
      ? undefined
      : { stdout: '', stderr: `nodetool: ${reason}\nSee 'nodetool help' or 'nodetool help <command>'.\n`, status: 1 };
  }

  #answerCqlsh(): void {
    const { remote } = this;
    // Statements that change something.
    remote.on(program('cqlsh'), says(''));
    remote.on(
      cql('FROM system.peers'),
      says(() => systemRowsText(this.view, this.node)),
    );
    remote.on(
      cql('truncated_at'),
      says(() => tableStatesText(this.view.tables, this.truncatedAt, this.madeAt)),
    );
    remote.on(
      cql('DESCRIBE SCHEMA'),
      says(() => schemaText(this.view.tables, this.view.copies)),
    );
    remote.on(
      cql('FROM system_schema.columns WHERE'),
      says(() => tableKeysText(this.view.tables)),
    );
    // Rows are captured; only the level is said back.
    remote.on(cql('PER PARTITION LIMIT'), says('Consistency level set to LOCAL_ONE.\n'));
  }

  #configText(): string {
    return [
      `cluster_name: ${this.view.cluster}`,
      `data_file_directories: [${this.data}]`,
      ...['commitlog', 'hints', 'saved_caches'].map((name) => `${name}_directory: ${join(this.#root, name)}`),
      `listen_address: ${this.node.address}`,
      `incremental_backups: ${this.incrementalBackups}`,
      `seed_provider: [{class_name: Simple, parameters: [{seeds: "${this.view.nodes[0]?.address ?? ''}"}]}]`,
      '',
    ].join('\n');
  }
}

type Answer = string | Recorded;

const refused = "nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused (Connection refused)'.";
