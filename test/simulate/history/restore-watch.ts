import type { TableId } from '../../../src/model/sstable.ts';
import type { Cell } from '../cassandra/rows.ts';
import { judgeTable, repaired } from '../oracle/judge-cluster.ts';
import { committedBackups, type StoredBackup } from '../oracle/stored-backups.ts';
import type { Allowed } from '../oracle/truth.ts';
import { windowOf } from '../oracle/windows.ts';
import type { CommandLine, Ran } from './operator.ts';
import { base, type World } from './world.ts';

/** What the living tables held when a command began that may change them. */
interface Watched {
  readonly line: CommandLine;
  readonly fromMs: number;
  readonly before: ReadonlyMap<string, ReadonlyMap<string, Cell>>;
  readonly backups: readonly StoredBackup[];
}

/** A restore that has ended, and what became of it. */
interface Ended {
  readonly watched: Watched;
  readonly ran: Ran | undefined;
}

/**
 * Looks at restores: what they say they have brought back must be there, and what they did not touch must be as it was. Those that are under way
 * at once are judged together, when all have ended: only one of them can have had the nodes at a time.
 */
export class RestoreWatch {
  readonly #world: World;
  /** What the tables held before a restore by node restart that has not come to its end, or was not taken back. */
  #broken: ReadonlyMap<string, ReadonlyMap<string, Cell>> | undefined;
  readonly #underWay = new Set<Watched>();
  #ended: Ended[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  begin(line: CommandLine): Watched | undefined {
    const { cluster, bucket, time } = this.#world;
    if (line.command !== 'restore' || line.values['method'] === 'stage') {
      return undefined;
    }
    const watched = {
      line,
      fromMs: time.nowMs,
      // What a node holds that is down nobody knows.
      before: new Map(
        cluster.members.every(({ server }) => server.up)
          ? cluster.schema.tables.map((table) => [table.id, repaired(cluster, table)])
          : [],
      ),
      backups: committedBackups(bucket, base),
    };
    this.#underWay.add(watched);
    return watched;
  }

  /** What is wrong with what restores have come to, once the last of those that were under way together has ended. From then on the tables are what they are. */
  end(watched: Watched | undefined, ran: Ran | undefined): readonly string[] {
    if (watched === undefined) {
      return [];
    }
    this.#underWay.delete(watched);
    this.#ended.push({ watched, ran });
    if (this.#underWay.size > 0) {
      return [];
    }
    const ended = this.#ended;
    this.#ended = [];
    const faults = this.#judge(ended.filter((each) => !wasRefused(each)));
    const brokeOff = ended.some(({ watched: { line }, ran: own }) => line.values['method'] === 'refresh' && own?.exitCode !== 0);
    this.#settle(Math.min(...ended.map((each) => each.watched.fromMs)), brokeOff);
    return faults;
  }

  /** Those that did something, in the order in which they ended. Where several did, the tables are what the last one has left. */
  #judge(acting: readonly Ended[]): readonly string[] {
    const last = acting.at(-1);
    if (last === undefined) {
      return [];
    }
    const { watched, ran } = last;
    const isAlone = acting.length === 1;
    const isUndo = watched.line.values['undo'] !== undefined;
    if (isUndo) {
      const faults = ran?.exitCode === 0 ? this.#judgeUndone() : [];
      this.#broken = ran?.exitCode === 0 ? undefined : this.#broken;
      return faults;
    }
    const brokeOff = acting.some((each) => isByRestart(each) && each.ran?.exitCode !== 0);
    if (brokeOff && this.#mayBeHalfDone()) {
      // Of several nobody knows what was before the one that broke off.
      this.#broken ??= isAlone ? watched.before : new Map();
    }
    // Loads over different hosts do not see each other (docs/restore.md).
    const isLoadBeside = !isAlone && acting.some((each) => each.watched.line.values['method'] === 'load');
    return ran?.exitCode === 0 && !isLoadBeside && (isAlone || replaces(last)) ? this.#judgeRestored(watched, ran) : [];
  }

  /** Whether any node has a journal of a restore that did not come to its end. */
  #mayBeHalfDone(): boolean {
    return [...this.#world.nodes.values()].some(({ files }) => {
      const journals = '/var/lib/cassandra/data/.sstash-undo';
      const ids = files.look(journals)?.kind === 'directory' ? files.list(journals) : [];
      return ids.some((id) => {
        const phase = files.look(`${journals}/${id}/phase`) === undefined ? '' : files.text(`${journals}/${id}/phase`).trim();
        return phase !== '' && phase !== 'undone' && (phase !== 'placed' || files.look(`${journals}/${id}/down`) !== undefined);
      });
    });
  }

  #judgeUndone(): readonly string[] {
    const { tables } = this.#world.cluster.schema;
    return this.#judgeAsBefore(tables, this.#broken ?? new Map()).map((fault) => `after the undoing ${fault}`);
  }

  #judgeRestored({ line, before, backups }: Watched, { json, said }: Ran): readonly string[] {
    const { cluster, truth, bucket, fixings } = this.#world;
    const { backup: id, method, tables } = restoredOf(json);
    const backup = backups.find(({ manifest }) => manifest.id === id);
    if (backup === undefined || backup.manifest.state === 'degraded' || method === 'stage') {
      return [];
    }
    const { fromMs: takenMs, toMs } = windowOf(bucket, backup, fixings);
    const isReplaced = method === 'node-restart' || line.values['truncate'] === true;
    const restored = tables.flatMap(({ keyspace, table, id: stored }) => {
      const live = cluster.schema.named(keyspace, table);
      if (live === undefined) {
        return [`${keyspace}.${table} was restored and is not there`];
      }
      const had = before.get(live.id);
      if (!truth.isSettled(stored, takenMs, toMs) || before.size === 0) {
        return [];
      }
      const allowed = (key: string): Allowed =>
        truth.allowed(stored, key, takenMs, toMs).flatMap((cell) => (isReplaced ? [cell] : [newer(cell, had?.get(key))]));
      const keys = new Set([...truth.keys(stored), ...(had?.keys() ?? [])]);
      return judgeTable(cluster, live, keys, allowed).map((fault) => `after the restore of ${id} ${fault}`);
    });
    const isRestored = (name: string): boolean => tables.some(({ keyspace, table }) => `${keyspace}.${table}` === name);
    // A node was down already when it was planned: that is said, and what its log has of other tables goes aside with it (docs/restore.md).
    const isLogLost = said.some((text) => text.includes('its commit log holds of other tables is moved aside unread'));
    const living = isLogLost ? [] : cluster.schema.tables;
    const others = living.filter(({ keyspace, table }) => !isRestored(`${keyspace}.${table}`));
    return [...restored, ...this.#judgeAsBefore(others, before).map((fault) => `beside the restore of ${id} ${fault}`)];
  }

  /** Nobody has written to these tables since. */
  #judgeAsBefore(tables: readonly TableId[], before: Watched['before']): readonly string[] {
    const { cluster } = this.#world;
    return tables.flatMap((table) => {
      const rows = before.get(table.id);
      return rows === undefined ? [] : judgeTable(cluster, table, rows.keys(), (key) => [rows.get(key)]);
    });
  }

  /** `unread`: files may lie in the tables' directories that the servers would read at their next start. */
  #settle(fromMs: number, unread: boolean): void {
    const { cluster, truth } = this.#world;
    const ends = cluster.schema.tables.map(({ id }) => truth.unsettle(id, fromMs));
    this.#settleOnceUp(ends, unread);
  }

  /** What a node holds that is down nobody knows, nor what becomes of what is under way. */
  #settleOnceUp(ends: readonly ((untilMs: number) => void)[], unread: boolean): void {
    const { cluster, truth, time } = this.#world;
    if (this.#world.isAtWork || !cluster.members.every(({ server }) => server.up && server.hasRoom)) {
      time.after(5_000, () => this.#settleOnceUp(ends, unread));
      return;
    }
    if (unread) {
      cluster.members.forEach(({ server }) => cluster.schema.tables.forEach((table) => server.refresh(table)));
    }
    ends.forEach((end) => end(time.nowMs));
    // What it says to do afterwards.
    cluster.schema.tables.forEach((table) => cluster.repair(table));
    // A moment later, so that what was true before stays so until then.
    cluster.schema.tables.forEach((table) => truth.settle(table.id, repaired(cluster, table), time.nowMs + 0.001));
  }
}

/** A node was another's: nothing was touched. */
function wasRefused({ ran }: Ended): boolean {
  return ran?.exitCode === 11 && ran.said.some((text) => / is locked: /.test(text));
}

function isByRestart({ watched }: Ended): boolean {
  return watched.line.values['method'] === 'node-restart';
}

/** Whether the tables hold afterwards what the backup has and nothing else. */
function replaces({ watched: { line } }: Ended): boolean {
  return line.values['method'] === 'node-restart' || line.values['truncate'] === true;
}

function newer(one: Cell | undefined, other: Cell | undefined): Cell | undefined {
  return one === undefined ? other : other === undefined || one.at > other.at ? one : other;
}

function restoredOf(json: unknown): { readonly backup: string; readonly method: string; readonly tables: readonly TableId[] } {
  if (
    typeof json === 'object' &&
    json !== null &&
    'backup' in json &&
    'method' in json &&
    'tables' in json &&
    Array.isArray(json.tables)
  ) {
    return { backup: String(json.backup), method: String(json.method), tables: json.tables };
  }
  throw new Error('a restore has a result');
}
