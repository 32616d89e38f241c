/** A table as Cassandra's directories name it. */
export interface TableId {
  readonly keyspace: string;
  readonly table: string;
  /** 32 hexadecimal digits, as in the directory name `<table>-<id>`. */
  readonly id: string;
}

/** A materialized view: a table with sstables of its own, which TRUNCATE of its base table empties too. */
export interface View {
  readonly keyspace: string;
  readonly view: string;
  readonly base: string;
}

/** One file of a snapshot on a node. */
export interface Component {
  readonly table: TableId;
  /** Path below the table's snapshot directory: `nb-1-big-Data.db` or `.users_email/nb-1-big-Data.db`. */
  readonly path: string;
  readonly bytes: number;
  /** Modification time, ISO 8601 with all the digits the node gave. */
  readonly modified: string;
  /** Index into the node's list of data directories. */
  readonly disk: number;
}

/**
 * What a component's file name says. `nb-1-big-Data.db` has version nb, generation 1, format big, component Data.db.
 * Up to Cassandra 2.1 the keyspace and table stand before it and there is no format (`ks-users-ka-1-Data.db`); that
 * part is `prefix`, and the format is big, the only one there was.
 */
export interface ComponentName {
  readonly prefix?: string;
  readonly version: string;
  /** An integer, or since 4.1 a time UUID in base 36 (`3h5p_02gl_13nh62nziejh6er5ag`). */
  readonly generation: string;
  readonly format: string;
  readonly component: string;
}

// Generation: org.apache.cassandra.io.sstable.SequenceBasedSSTableId and UUIDBasedSSTableId. The component is whatever
// remains: SAI alone adds a dozen names that hold `+`, `-` and an index name, and unknown ones must travel like known ones.
const modern = /^([a-z]{2})-(\d+|[0-9a-z]{4}_[0-9a-z]{4}_[0-9a-z]{18})-([a-z][a-z0-9]*)-([^/]+)$/;
const legacy = /^(\w+-[\w.]+)-([a-z]{2})-(\d+)-([^/]+)$/;

/** Reads a file name (without directories); undefined when it is not an sstable component's. */
export function parseComponentName(name: string): ComponentName | undefined {
  const [, version, generation, format, component] = modern.exec(name) ?? [];
  if (version !== undefined && generation !== undefined && format !== undefined && component !== undefined) {
    return { version, generation, format, component };
  }
  const [, prefix, oldVersion, number, rest] = legacy.exec(name) ?? [];
  if (prefix !== undefined && oldVersion !== undefined && number !== undefined && rest !== undefined) {
    return { prefix, version: oldVersion, generation: number, format: 'big', component: rest };
  }
  return undefined;
}

/** The file name that `parseComponentName` reads. */
export function formatComponentName(name: ComponentName): string {
  const { prefix, version, generation, format, component } = name;
  return prefix === undefined
    ? `${version}-${generation}-${format}-${component}`
    : `${prefix}-${version}-${generation}-${component}`;
}

/**
 * Whether a file name is that of a component which some server is known to write. Unknown ones travel like known ones, and by their names
 * alone they are nobody's: `nb-1-big-Data.db.orig` is what somebody has laid beside it.
 */
export function isKnownComponent(name: string): boolean {
  const component = parseComponentName(name)?.component;
  return component !== undefined && knownComponents.test(component);
}

// The components of Cassandra's formats, up to 2.1 with other digests; Scylla's own; those of SASI (`SI_<index>.db`) and of SAI
// (`SAI+aa+<index>+TermsData.db`). Index names are of word characters.
const knownComponents =
  /^(?:(?:Data|Index|Partitions|Rows|Filter|CompressionInfo|Statistics|Summary|CRC|Scylla|SI_\w+|SAI(?:\+\w+)+)\.db|Digest\.(?:crc32|adler32|sha1)|TOC\.txt)$/;

/** True for the Data.db of an sstable, in an index's directory too. Its ending tells, so that no future naming escapes. */
export function isDataFile(path: string): boolean {
  return path.endsWith(`-${dataComponent}`);
}

/** Where the digest of a Data.db lies: the CRC-32 of its bytes on disk, in decimal. */
export function digestPathOf(dataPath: string): string {
  return `${dataPath.slice(0, dataPath.length - dataComponent.length)}${digestComponent}`;
}

/** The Data.db that a digest belongs to, or undefined when the path is not a digest's. */
export function dataPathOf(digestPath: string): string | undefined {
  return digestPath.endsWith(`-${digestComponent}`)
    ? `${digestPath.slice(0, digestPath.length - digestComponent.length)}${dataComponent}`
    : undefined;
}

/** The Data.db of the sstable that a component belongs to, itself included; undefined for a name that is no component's. */
export function dataPathFor(path: string): string | undefined {
  const slash = path.lastIndexOf('/') + 1;
  const name = parseComponentName(path.slice(slash));
  return name === undefined ? undefined : `${path.slice(0, slash)}${formatComponentName({ ...name, component: dataComponent })}`;
}

/** Whether a file is the list of an sstable's own components; its ending tells, as in `isDataFile`. */
export function isContentsList(path: string): boolean {
  return path.endsWith(`-${contentsComponent}`);
}

/**
 * The paths of the components without which the sstable is lost, of those that its TOC.txt names: one that is not
 * compressed has no CompressionInfo. The Data.db is not among them, as Cassandra's own file list of a snapshot names it.
 */
export function essentialPaths(contentsPath: string, contentsList: string): readonly string[] {
  const prefix = contentsPath.slice(0, -contentsComponent.length);
  return contentsList
    .split('\n')
    .map((line) => line.trim())
    .filter((component) => essentialComponents.has(component))
    .map((component) => `${prefix}${component}`);
}

/**
 * Cassandra cannot make these from the others. They are what its formats send when a whole sstable is uploaded
 * (`UPLOAD_COMPONENTS` of BigFormat.Components and BtiFormat.Components) without what they make when they load one
 * (`GENERATED_ON_LOAD_COMPONENTS`: Filter, Summary). The components of SAI and SASI indexes are built again too. Scylla's own
 * component says which shards and features the sstable is of.
 */
const essentialComponents: ReadonlySet<string> = new Set([
  'CompressionInfo.db',
  'Statistics.db',
  'Index.db',
  'Partitions.db',
  'Rows.db',
  'Scylla.db',
]);

/**
 * A keyspace's or table's name: letters, digits and underscores; in Scylla also what it makes for itself (`orders$paxos`) or for
 * Alternator (`alternator_My.Table`, `My.Table:by-day`, `My.Table!:by-day`). It is one segment of a path, and no option.
 */
export const tableName: RegExp = /^[\w$][\w.$:!-]*$/;

/** Reads a table directory's name `<table>-<id>`; undefined for the names of Cassandra 2.0 and older, which have no id. */
export function parseTableDirectory(keyspace: string, name: string): TableId | undefined {
  const [, table, id] = /^(.+)-([0-9a-f]{32})$/.exec(name) ?? [];
  return table === undefined || id === undefined || !tableName.test(table) ? undefined : { keyspace, table, id };
}

/** The table's directory below a data directory: `<keyspace>/<table>-<id>`. */
export function tableDirectory(table: TableId): string {
  return `${table.keyspace}/${table.table}-${table.id}`;
}

/** The id as schema tables write it, a UUID; `tableIdOf` is its inverse. */
export function uuidOf(id: string): string {
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The id as directory names write it, from a UUID; undefined when the text is none. */
export function tableIdOf(uuid: string): string | undefined {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(uuid)
    ? uuid.replaceAll('-', '').toLowerCase()
    : undefined;
}

const dataComponent = 'Data.db';
const digestComponent = 'Digest.crc32';
const contentsComponent = 'TOC.txt';
