/** Whether the rows of a restored table can be read. */
export interface TableProbe {
  /** `skipped` where nobody could tell: nothing is known to be wrong. */
  readonly state: 'read' | 'failed' | 'skipped';
  /** Absent where it was read. */
  readonly reason?: string;
  /** Who failed, as far as the server says it. */
  readonly replicas?: readonly FailedReplica[];
}

export interface FailedReplica {
  /** As the cluster names it. */
  readonly address: string;
  /** As it was named to us; absent for a node that is not among the hosts. */
  readonly host?: string;
  /** What its log says of it: the exceptions, without their stacks. */
  readonly log: readonly string[];
}

/** What cqlsh said against a read, see `Complaint` there. */
export interface ReadComplaint {
  /** The driver's name for it. */
  readonly kind: string;
  readonly text: string;
  /** The server's own words. */
  readonly message: string;
}

export interface Judgement {
  readonly state: 'failed' | 'skipped';
  readonly reason: string;
  /** Addresses of the replicas that failed. */
  readonly replicas: readonly string[];
}

/**
 * Whether a complaint says that rows cannot be read, or only that they were not: a replica that fails, and an error of the
 * server, are the former; a time that was up, too many tombstones, too few replicas, a right that is lacking are not.
 */
export function judgeComplaint({ kind, text, message }: ReadComplaint): Judgement {
  const codes = failureCodes(text);
  const replicas = [...codes.keys()];
  const reason = kind === '' ? message : `${kind}: ${message}`;
  if (kind === 'ReadFailure') {
    const harmless = codes.size > 0 && [...codes.values()].every((code) => harmlessCodes.has(code));
    return { state: harmless ? 'skipped' : 'failed', reason, replicas };
  }
  const broken = kind === 'ServerError' || /\bcode=0000\b/.test(text);
  return { state: broken ? 'failed' : 'skipped', reason, replicas };
}

/**
 * RequestFailureReason.java: too many tombstones, a timeout, a read that is too large, a node that is down. Servers before
 * 4.0 tell cqlsh no code, see `isTombstoneLimit`.
 */
const harmlessCodes: ReadonlySet<number> = new Set([1, 2, 4, 5]);

/** `'error_code_map': {'10.0.0.3': '0x0000'}` */
function failureCodes(text: string): ReadonlyMap<string, number> {
  const begin = text.indexOf("'error_code_map': {");
  const end = text.indexOf('}', begin);
  const map = begin === -1 || end === -1 ? '' : text.slice(begin + "'error_code_map': {".length, end);
  return new Map([...map.matchAll(/'([^']+)': '(0x[0-9a-f]+)'/g)].map(([, address = '', code = '']) => [address, Number(code)]));
}

/** Whether a replica's log tells that it gave up because of tombstones, which is no damage. */
export function isTombstoneLimit(log: readonly string[]): boolean {
  return log.some((line) => /TombstoneOverwhelming|Scanned over \d+ tombstones/.test(line));
}

/** What of a log a message can hold: the exceptions first, each once however often it came, without place and time. */
export function logExcerpt(lines: readonly string[]): readonly string[] {
  const said = lines.map((line) =>
    line
      .trim()
      .replace(logHead, '$1 ')
      .replace(/^Caused by: /, ''),
  );
  const distinct = [...new Set(said)].filter((line) => !/^ERROR (Exception|Uncaught exception) (in|on) thread/.test(line));
  const exceptions = distinct.filter((line) => /Exception|Error\b/.test(line));
  return (exceptions.length > 0 ? exceptions : distinct).slice(-excerptLines).map((line) => line.slice(0, excerptWidth));
}

/** `ERROR [ReadStage-1] 2026-11-29 17:48:15,539 JVMStabilityInspector.java:76 - ` */
const logHead = /^(\w+)\s+\[.*?\]\s+\S+\s+\S+\s+\S+\s+-\s+/;
const excerptLines = 4;
const excerptWidth = 300;

/** One warning for all tables that were not read for the same reason. */
export function probeWarnings(
  tables: readonly { readonly keyspace: string; readonly table: string; readonly probe?: TableProbe }[],
): readonly string[] {
  const reasons = new Map<string, string[]>();
  for (const { keyspace, table, probe } of tables) {
    if (probe?.state === 'skipped') {
      const { reason = '' } = probe;
      reasons.set(reason, [...(reasons.get(reason) ?? []), `${keyspace}.${table}`]);
    }
  }
  return [...reasons].map(([reason, [first = '', ...others]]) => {
    const more = others.length > 3 ? ` and ${others.length} more tables` : others.map((name) => `, ${name}`).join('');
    return `whether rows can be read was not found out: ${first}${more}: ${reason}`;
  });
}
