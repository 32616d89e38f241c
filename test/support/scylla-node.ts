import { link, mkdir, readFile, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import { findConfigScript } from '../../src/cluster/tools/find-config.ts';
import { probeToolsScript } from '../../src/cluster/tools/node-probe.ts';
import { reportStatusScript } from '../../src/cluster/tools/run-tool.ts';
import { findNodetoolScript, scyllaReleaseScript } from '../../src/cluster/tools/scylla-server.ts';
import { clearIncomingScript } from '../../src/cluster/placing/staging-script.ts';
import type { Node } from '../../src/model/ring/ring.ts';
import { type TableId, parseComponentName, tableDirectory } from '../../src/model/sstable.ts';
import { localRemote } from './local-remote.ts';
import { rows } from './lzop.ts';
import { scyllaCql } from './scylla-cql.ts';
import type { ScyllaSchema } from './scylla-schema.ts';
import type { Recorded } from './recorded.ts';
import { inputOf, program, runsOn, says, script, type ScriptedRemote, scriptedRemote } from './scripted-remote.ts';
import { probeText } from './scripted-texts.ts';
import {
  badArguments,
  connectionRefused,
  describeText,
  infoText,
  refusedRequest,
  ringText,
  said,
  snapshotTaken,
  snapshotsText,
  statusText,
  unknownOption,
  unknownVerb,
} from './scylla-texts.ts';

/** What all nodes of a stand-in cluster share. */
export interface ScyllaCluster {
  readonly name: string;
  readonly nodes: ScyllaNode[];
  readonly schema: ScyllaSchema;
  /** Host ids of nodes that are excluded (`nodetool excludenode`). */
  readonly excluded: Set<string>;
  /** What system.topology says; undefined before 6.0, which has no such table. */
  topology: { version: number; transition: string | null } | undefined;
  /** By table id. */
  readonly truncatedAt: Map<string, Date>;
}

/**
 * A ScyllaDB node without ScyllaDB: a real directory tree as Scylla lays it out, real `find`, `mv` and the like, and a nodetool
 * and a cqlsh that do on it what Scylla's do: link snapshots, empty `upload/`, stream, refuse. What they print and refuse is
 * told by Scylla's source and documentation, named where it stands; nothing was recorded from a running Scylla.
 */
export class ScyllaNode {
  readonly host: string;
  readonly node: Node;
  readonly remote: ScriptedRemote;
  readonly cluster: ScyllaCluster;
  /** What `scylla --version` prints. */
  release = '2025.1.4-0.20250608.6a1e4d3b9c2f';
  up = true;
  uptimeSeconds = 86_400;
  incrementalBackups = false;
  /** Up to 2025.x a snapshot's manifest.json lists Data.db files; since then sstables by their TOC. */
  manifest: 'files' | 'sstables' = 'files';
  /** The version that it writes, `sstables/version.hh`. */
  version = 'me';
  readonly root: string;
  #written = 0;

  constructor(test: TestContext, host: string, node: Node, place: { readonly root: string; readonly cluster: ScyllaCluster }) {
    this.host = host;
    this.node = node;
    this.root = place.root;
    this.cluster = place.cluster;
    this.remote = scriptedRemote(test, host);
    const here = localRemote({ host });
    this.remote.on(() => true, runsOn(here));
    this.remote.on(script(findConfigScript), ({ options, signal }) =>
      here.read(
        ['sh', '-c', reportStatusScript, 'sh', 'sh', '-c', findConfigScript, 'sh', join(this.root, 'scylla.yaml')],
        options,
        signal,
      ),
    );
    this.remote.on(script(clearIncomingScript), ({ argv, options, signal }) =>
      here.read(['sh', '-c', clearIncomingScript, 'sh', argv[4] ?? '', argv[5] ?? '', '0'], options, signal),
    );
    this.remote.on(
      script(probeToolsScript),
      says(({ argv }) => probeText(argv.slice(4))),
    );
    this.remote.on(
      script(scyllaReleaseScript),
      says(() => `${this.release}\n`),
    );
    this.remote.on(script(findNodetoolScript), says(''));
    for (const words of [['nodetool'], ['/usr/bin/scylla', 'nodetool']]) {
      this.remote.on(
        program(...words),
        says(({ argv }) => this.nodetool(argv.slice(words.length))),
      );
    }
    this.remote.on(
      program('cqlsh'),
      says(async (call) => scyllaCql(this, await inputOf(call))),
    );
  }

  get data(): string {
    return join(this.root, 'data');
  }

  live(table: TableId): string {
    return join(this.data, tableDirectory(table));
  }

  /** `scylla.yaml`, and the directories of every table, as the server makes them at its start or when a table is made. */
  async start(): Promise<void> {
    await mkdir(this.data, { recursive: true });
    await writeFile(join(this.root, 'scylla.yaml'), `cluster_name: '${this.cluster.name}'\nworkdir: ${this.root}\n`);
    await Promise.all(
      this.cluster.schema.tables.filter((table) => this.cluster.schema.isStored(table)).map((table) => this.makeTable(table)),
    );
  }

  /** `table::init_storage`: the table's directory with `upload` and `staging` (sstables/sstables.hh). */
  async makeTable(table: TableId): Promise<void> {
    await Promise.all(['upload', 'staging'].map((name) => mkdir(join(this.live(table), name), { recursive: true })));
  }

  /** Writes an sstable as a flush does, and links it into `backups` where that is on. Gives its name up to the component. */
  async flushSSTable(
    table: TableId,
    seed: number,
    generation = uuidGeneration(this.node, (this.#written += 1)),
  ): Promise<string> {
    const stem = await this.#write(table, rows(2000, seed), generation);
    if (this.incrementalBackups) {
      await linkSSTables(this.live(table), join(this.live(table), 'backups'), [stem]);
    }
    return stem;
  }

  /** What the Data.db files of the table hold, one line each, sorted: the stand-in's rows. */
  async contents(table: TableId): Promise<readonly string[]> {
    const names = (await readdir(this.live(table))).filter((name) => name.endsWith('-Data.db'));
    const sums = await Promise.all(names.map(async (name) => crc32(await readFile(join(this.live(table), name))).toString(16)));
    return sums.toSorted();
  }

  async truncate(table: TableId): Promise<void> {
    const files = (await readdir(this.live(table), { withFileTypes: true })).filter((entry) => entry.isFile());
    await Promise.all(files.map(({ name }) => unlink(join(this.live(table), name))));
  }

  /** Tags of the snapshots that lie on the node. */
  async snapshots(): Promise<readonly { readonly tag: string; readonly keyspace: string; readonly table: string }[]> {
    const found = await Promise.all(
      this.cluster.schema.tables.map(async ({ keyspace, table, id }) => {
        const tags = await namesIn(join(this.live({ keyspace, table, id }), 'snapshots'));
        return tags.map((tag) => ({ tag, keyspace, table }));
      }),
    );
    return found.flat().toSorted((a, b) => (`${a.tag} ${a.keyspace}` < `${b.tag} ${b.keyspace}` ? -1 : 1));
  }

  async nodetool(argv: readonly string[]): Promise<Recorded> {
    const [verb = '', ...words] = argv;
    const run = this.#verbs[verb];
    if (run === undefined) {
      return unknownVerb(verb, Object.keys(this.#verbs));
    }
    if (!this.up) {
      return connectionRefused;
    }
    const parsed = parseWords(verb, words);
    return 'stdout' in parsed ? parsed : run(parsed.options, parsed.names);
  }

  readonly #verbs: Readonly<Record<string, (options: Options, names: readonly string[]) => Promise<Recorded>>> = {
    clearsnapshot: async ({ tag }) => {
      const found = (await this.snapshots()).filter((each) => tag === undefined || each.tag === tag);
      await Promise.all(found.map((each) => rm(join(this.#liveOf(each), 'snapshots', each.tag), { recursive: true })));
      return said('');
    },
    describecluster: async () => said(describeText(this.cluster.name, this.#members)),
    flush: async () => said(''),
    info: async ({ tokens }) => said(infoText(this.node, this.uptimeSeconds, tokens !== undefined)),
    listsnapshots: async () => said(snapshotsText(await this.snapshots())),
    refresh: async (options, names) => this.#refresh(options, names),
    ring: async () => said(ringText(this.#members)),
    snapshot: async (options, names) => this.#snapshot(options, names),
    status: async () => said(statusText(this.#members, this.cluster.excluded)),
    statusbackup: async () => said(this.incrementalBackups ? 'running\n' : 'not running\n'),
  };

  get #members(): readonly Node[] {
    return this.cluster.nodes.map(({ node, up }) => ({ ...node, state: up ? node.state : 'DN' }));
  }

  #liveOf({ keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): string {
    const found = this.cluster.schema.find(keyspace, table);
    return found === undefined ? '' : this.live(found);
  }

  /** `snapshot_operation`, and `take_snapshot` of api/storage_service.cc: several `-kt` are so many names of keyspaces. */
  async #snapshot({ tag = '', kt, table }: Options, names: readonly string[]): Promise<Recorded> {
    if (kt !== undefined && (table !== undefined || names.length > 0)) {
      return badArguments('when specifying the keyspace-table list for a snapshot, you should not specify table(s)');
    }
    const list = kt?.split(',') ?? names;
    const [only = '', second] = list;
    const one = second === undefined ? /^([^./]+)[./]([^./]+)$/.exec(only) : null;
    const keyspaces = one === null ? list : [one[1] ?? ''];
    const tables = one === null ? (table?.split(',') ?? []) : [one[2] ?? ''];
    const refused = (status: string, message: string) =>
      refusedRequest('POST request to http://localhost:10000/storage_service/snapshots', status, message);
    const { schema } = this.cluster;
    const unknown = keyspaces.find((name) => !schema.keyspaces.some((keyspace) => keyspace.name === name));
    if (unknown !== undefined) {
      return refused('500 Internal Server Error', `Can't find a keyspace ${unknown}`);
    }
    const missing = tables.find((name) => schema.find(keyspaces[0] ?? '', name) === undefined);
    if (missing !== undefined) {
      return refused('400 Bad Request', `Can't find a column family ${missing} in keyspace ${keyspaces[0]}`);
    }
    const chosen = schema.tables.filter(
      (each) =>
        (keyspaces.length === 0 || keyspaces.includes(each.keyspace)) && (tables.length === 0 || tables.includes(each.table)),
    );
    const before = await this.snapshots();
    const taken = before.find(
      (each) => each.tag === tag && chosen.some((own) => own.keyspace === each.keyspace && own.table === each.table),
    );
    if (taken !== undefined) {
      return refused('500 Internal Server Error', `Keyspace ${taken.keyspace}: snapshot ${tag} already exists.`);
    }
    if (chosen.some((each) => schema.isRemote(each))) {
      return refused('500 Internal Server Error', 'Snapshotting non-local tables is not implemented');
    }
    await Promise.all(chosen.filter((each) => schema.isStored(each)).map((each) => this.#snapshotTable(each, tag)));
    return said(snapshotTaken(list.length === 0 ? 'all keyspaces' : list.join(','), tag));
  }

  /** `snapshot_table_on_all_shards` of replica/table.cc: sealed sstables, manifest.json, schema.cql without the table's id. */
  async #snapshotTable(table: TableId, tag: string): Promise<void> {
    const place = join(this.live(table), 'snapshots', tag);
    const stems = await sealedIn(this.live(table));
    await linkSSTables(this.live(table), place, stems);
    const manifest =
      this.manifest === 'files'
        ? { files: stems.map((stem) => `${stem}-Data.db`) }
        : {
            manifest: { version: '1.0', scope: 'node' },
            node: { host_id: this.node.hostId, datacenter: this.node.dc, rack: this.node.rack },
            snapshot: { name: tag, created_at: 1_780_000_000 },
            table: {
              keyspace_name: table.keyspace,
              table_name: table.table,
              table_id: table.id,
              tablets_type: 'none',
              tablet_count: 0,
            },
            sstables: stems.map((stem) => ({
              id: stem,
              toc_name: `${stem}-TOC.txt`,
              data_size: 2000,
              index_size: 100,
              first_token: 0,
              last_token: 1,
            })),
          };
    await writeFile(join(place, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(join(place, 'schema.cql'), this.cluster.schema.createTable(table, false));
  }

  /** `refresh_operation`; `sstables_loader::load_new_sstables` and `distributed_loader::process_upload_dir`. */
  async #refresh(options: Options, [keyspace, name]: readonly string[]): Promise<Recorded> {
    if (keyspace === undefined || name === undefined) {
      return badArguments(
        `required parameter${keyspace === undefined ? 's are missing: keyspace and table' : ' is missing: table'}`,
      );
    }
    const refused = (status: string, message: string) =>
      refusedRequest(`POST request to http://localhost:10000/storage_service/sstables/${keyspace}`, status, message);
    const { schema, nodes } = this.cluster;
    const table = schema.find(keyspace, name);
    if (table === undefined) {
      return refused('400 Bad Request', `Can't find a column family ${name} in keyspace ${keyspace}`);
    }
    const upload = join(this.live(table), 'upload');
    const stems = await sealedIn(upload);
    if (schema.isView(table) && stems.length > 0) {
      return refused(
        '500 Internal Server Error',
        'Loading Materialized View SSTables is not supported. Re-create the view instead.',
      );
    }
    // On for tablets whether it was asked for or not.
    const stream = options.stream !== undefined || schema.usesTablets(keyspace);
    if (stream && stems.length > 0 && nodes.some(({ up }) => !up)) {
      return refused('500 Internal Server Error', 'std::runtime_error (send_meta_data: got error code=-1 from node)');
    }
    for (const stem of stems) {
      const data = await readFile(join(upload, `${stem}-Data.db`));
      const targets = stream ? nodes : [this];
      await Promise.all(targets.map((node) => node.receive(table, data)));
      const own = (await readdir(upload)).filter((file) => file.startsWith(`${stem}-`));
      await Promise.all(own.map((file) => unlink(join(upload, file))));
    }
    return said('');
  }

  /** What is loaded or streamed gets a name of its own, and is not linked into `backups`: a flush alone is (table.cc, `cfg.backup`). */
  async receive(table: TableId, data: Uint8Array): Promise<void> {
    await this.#write(table, data, uuidGeneration(this.node, (this.#written += 1)));
  }

  async #write(table: TableId, data: Uint8Array, generation: string): Promise<string> {
    const stem = `${this.version}-${generation}-big`;
    const index = this.version === 'ms' ? ['Partitions.db', 'Rows.db'] : ['Index.db', 'Summary.db'];
    const components = [
      'CompressionInfo.db',
      'Data.db',
      'Digest.crc32',
      'Filter.db',
      ...index,
      'Scylla.db',
      'Statistics.db',
      'TOC.txt',
    ];
    const contents: Readonly<Record<string, Uint8Array | string>> = {
      'Data.db': data,
      // With a line end, as Scylla has it.
      'Digest.crc32': `${crc32(data)}\n`,
      'TOC.txt': components.map((name) => `${name}\n`).join(''),
    };
    // Scylla writes `TOC.txt.tmp` first and gives it its name when all else is there (sstables/storage.cc, `seal`).
    const sealed = components.filter((name) => name !== 'TOC.txt');
    await writeFile(join(this.live(table), `${stem}-TOC.txt.tmp`), contents['TOC.txt'] ?? '');
    await Promise.all(
      sealed.map((name) => writeFile(join(this.live(table), `${stem}-${name}`), contents[name] ?? rows(300, stem.length))),
    );
    await rename(join(this.live(table), `${stem}-TOC.txt.tmp`), join(this.live(table), `${stem}-TOC.txt`));
    return stem;
  }
}

interface Options {
  readonly tag?: string;
  readonly kt?: string;
  readonly table?: string;
  readonly tokens?: string;
  readonly stream?: string;
}

/** The options of each verb that a backup uses: `option_substitutions` and `get_operations_with_func`. */
const optionsOf: Readonly<Record<string, Readonly<Record<string, readonly [name: keyof Options, takesValue: boolean]>>>> = {
  clearsnapshot: { '-t': ['tag', true], '--tag': ['tag', true] },
  info: { '-T': ['tokens', false], '--tokens': ['tokens', false] },
  refresh: { '-las': ['stream', false], '--load-and-stream': ['stream', false] },
  snapshot: { '-t': ['tag', true], '-kt': ['kt', true], '-cf': ['table', true], '--table': ['table', true] },
};

/** As boost::program_options reads them: what follows `--` is a name. */
function parseWords(
  verb: string,
  words: readonly string[],
): Recorded | { readonly options: Options; readonly names: readonly string[] } {
  const options: Record<string, string> = {};
  const names: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') {
      return { options, names: [...names, ...words.slice(at + 1)] };
    }
    if (!word.startsWith('-')) {
      names.push(word);
      continue;
    }
    const [name, takesValue] = optionsOf[verb]?.[word] ?? [];
    if (name === undefined) {
      return unknownOption(word);
    }
    options[name] = takesValue === true ? (words[(at += 1)] ?? '') : '';
  }
  return { options, names };
}

/** Names of sstables, up to the component, that have their TOC: others are being written. */
async function sealedIn(directory: string): Promise<readonly string[]> {
  const names = await namesIn(directory);
  return names
    .filter((name) => name.endsWith('-TOC.txt'))
    .map((name) => name.slice(0, -'-TOC.txt'.length))
    .toSorted();
}

async function linkSSTables(from: string, to: string, stems: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true });
  const names = (await namesIn(from)).filter((name) => {
    const parsed = parseComponentName(basename(name));
    return parsed !== undefined && stems.includes(`${parsed.version}-${parsed.generation}-${parsed.format}`);
  });
  await Promise.all(names.map((name) => link(join(from, name), join(to, name))));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}

/** An id as `uuid_sstable_identifiers_enabled` makes it: a time UUID in base 36. */
function uuidGeneration({ hostId }: Node, number: number): string {
  return `3gbc_1hm1_${`${number.toString(36)}${hostId.replaceAll('-', '')}`.padEnd(18, '0').slice(0, 18)}`;
}
