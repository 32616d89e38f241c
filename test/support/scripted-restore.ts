import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { placingScript } from '../../src/cluster/placing/placing-script.ts';
import { listJournalsScript, readDisksScript } from '../../src/cluster/placing/placing.ts';
import { endWithUsScript, findLoadersScript, findProgramScript } from '../../src/cluster/placing/table-load.ts';
import { listenerScript } from '../../src/cluster/tools/whose/listener.ts';
import { findServerScript, runDetachedScript } from '../../src/cluster/tools/service.ts';
import { BackupError } from '../../src/model/errors.ts';
import type { RestoreResult } from '../../src/model/restore/restore-result.ts';
import type { Owner } from '../../src/model/lock.ts';
import type { PlacingPhase } from '../../src/model/restore/restart-plan.ts';
import { tableFilter } from '../../src/model/options/table-filter.ts';
import type { MemberParts } from '../../src/operations/nodes/members.ts';
import type { RestoreOptions, RestoreParts } from '../../src/operations/restore/options.ts';
import { restore } from '../../src/operations/restore/restore.ts';
import { undoRestore, type UndoOptions, type UndoParts, type UndoResult } from '../../src/operations/restore/live/undo.ts';
import { never } from './never.ts';
import { type ScriptedCluster, scriptedCluster } from './scripted-cluster.ts';
import type { ScriptedNode } from './scripted-node.ts';
import { inputOf, program, says, script } from './scripted-remote.ts';

/** What a node tells of a restore by restart; the moving itself is tested on real files elsewhere. */
export interface ScriptedJournal {
  phase: PlacingPhase;
  /** Hosts and tables, as the operation wrote them. */
  readonly plan: string;
  down?: boolean;
}

/** Who runs all this. */
export const operator: Owner = { host: 'bastion', pid: 4711, user: 'ops' };

export const stopCommand = 'stop-cassandra';
export const startCommand = 'start-cassandra';

/** A restore of keyspace shop from the latest backup, but for the changes. */
export function restoreOptions(changes: Partial<RestoreOptions> = {}): RestoreOptions {
  return {
    choice: { name: 'latest' },
    only: [],
    filter: tableFilter(['shop']),
    hosts: [],
    map: new Map(),
    transfers: 2,
    dryRun: false,
    method: 'auto',
    truncate: false,
    restart: { stopCommand, startCommand, startTimeoutSeconds: 30 },
    renames: [],
    loader: ['sstableloader'],
    repair: false,
    probe: true,
    acceptThin: false,
    withFunctions: false,
    ...changes,
  };
}

/** A scripted cluster on whose nodes Cassandra can be stopped and files can be placed. */
export class RestoreStory {
  readonly cluster: ScriptedCluster;
  /** By host, then by the restore's id. */
  readonly journals: ReadonlyMap<string, Map<string, ScriptedJournal>>;
  /** The plans that somebody was asked to agree to. */
  readonly asked: (RestoreResult | UndoResult)[] = [];
  /** What they say. */
  agrees = true;

  constructor(cluster: ScriptedCluster) {
    this.cluster = cluster;
    this.journals = new Map(cluster.hosts.map((host) => [host, new Map<string, ScriptedJournal>()]));
    for (const node of cluster.nodes) {
      answerService(node);
      answerLoading(node);
      answerPlacing(node, this.journals.get(node.host) ?? new Map<string, ScriptedJournal>());
    }
  }

  /** Of the tables that the cluster has, by the method that fits. */
  readonly restore = (
    changes: Partial<RestoreOptions> = {},
    parts: Partial<RestoreParts> = {},
    signal: AbortSignal = never,
  ): Promise<RestoreResult | undefined> => {
    const all = {
      ...this.cluster.parts,
      owner: operator,
      agree: this.#agree,
      shellFor: (host: string) => `ssh ${host} sh`,
      ...parts,
    };
    return restore(restoreOptions(changes), all, signal);
  };

  readonly undo = (
    changes: Partial<UndoOptions> = {},
    parts: Partial<UndoParts> = {},
    signal: AbortSignal = never,
  ): Promise<UndoResult | undefined> => {
    const restart = { stopCommand, startCommand, startTimeoutSeconds: 30 };
    const options = { hosts: this.cluster.hosts, id: undefined, dryRun: false, ...restart, ...changes };
    return undoRestore(options, this.#agree, { ...this.cluster.parts, owner: operator, ...parts }, signal);
  };

  /** How far every node is with the only restore that it knows of. */
  get phases(): readonly (readonly string[])[] {
    return [...this.journals].map(([host, journals]) => [host, ...[...journals.values()].map(({ phase }) => phase)]);
  }

  /** The parts of somebody who interrupts when this step begins, and the signal of that. */
  interruptAt(step: RegExp): { readonly parts: Pick<MemberParts, 'listen'>; readonly signal: AbortSignal } {
    const abort = new AbortController();
    return { parts: this.#at(step, () => abort.abort(new BackupError('interrupted'))), signal: abort.signal };
  }

  /** The same where the server of this node dies then. */
  diesAt(step: RegExp, host: string): Pick<MemberParts, 'listen'> {
    return this.#at(step, () => {
      this.cluster.node(host).up = false;
    });
  }

  #at(step: RegExp, happens: () => void): Pick<MemberParts, 'listen'> {
    const { listen } = this.cluster.parts;
    return {
      listen: (event) => {
        listen(event);
        if (event.type === 'step' && step.test(event.text)) {
          happens();
        }
      },
    };
  }

  readonly #agree = async (plan: RestoreResult | UndoResult): Promise<boolean> => {
    this.asked.push(plan);
    return this.agrees;
  };
}

export async function restoreStory(test: TestContext, nodes = 1): Promise<RestoreStory> {
  const story = await serviceStory(test, nodes);
  await story.cluster.backUp();
  return story;
}

/** The same without a backup, for what needs none. */
export async function serviceStory(test: TestContext, nodes: number, copies = 1): Promise<RestoreStory> {
  return new RestoreStory(await scriptedCluster(test, { nodes, copies }));
}

/** What was done to Cassandra on the node, in order: stopped, started, told by nodetool. */
export function serviceCalls({ remote }: ScriptedNode): readonly string[] {
  const verbs = ['drain', 'import', 'refresh', 'repair'];
  return remote.calls
    .map(({ argv }) => argv)
    .filter(([name, verb, text]) => (name === 'nodetool' && verbs.includes(verb ?? '')) || text === runDetachedScript)
    .map((argv) => (argv[0] === 'nodetool' ? (argv[1] ?? '') : (argv[4] ?? '')));
}

function answerService(node: ScriptedNode): void {
  const { remote } = node;
  const turn = (up: boolean) => () => {
    node.up = up;
    return '';
  };
  remote.on(
    script(findServerScript),
    says(() => (node.up ? 'yes\n' : 'no\n')),
  );
  remote.on(
    script(listenerScript),
    says(() => (node.up ? 'trusted\n' : 'none\n')),
  );
  remote.on(script(runDetachedScript, stopCommand), says(turn(false)));
  remote.on(script(runDetachedScript, startCommand), says(turn(true)));
  remote.on(program('nodetool', 'drain'), says(''));
  remote.on(program('nodetool', 'repair'), says(''));
}

/** `nodetool import` and sstableloader take every Data.db that they are given. */
function answerLoading({ remote }: ScriptedNode): void {
  remote.on(
    program('nodetool', 'import'),
    says(async ({ argv }) => {
      const directory = argv.at(-1) ?? '';
      const names = await dataFiles(directory);
      await Promise.all(names.map((name) => rm(join(directory, name))));
      return '';
    }),
  );
  remote.on(script(findLoadersScript), says(''));
  remote.on(script(findProgramScript), says('/usr/bin/sstableloader\n'));
  remote.on(
    script(endWithUsScript),
    says(async ({ argv }) => {
      const directory = argv.at(-1) ?? '';
      const paths = (await dataFiles(directory)).map((name) => `${directory}/${name}`);
      return `Streaming relevant part of ${paths.join(' ')} to [/10.0.0.1:7000]\n\u001e0`;
    }),
  );
}

async function dataFiles(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('-Data.db'));
}

function answerPlacing({ remote }: ScriptedNode, journals: Map<string, ScriptedJournal>): void {
  remote.on(script(readDisksScript), says('yes\n1\n1 2000000 1000000\n'));
  remote.on(
    script(listJournalsScript),
    says(() =>
      [...journals].map(([id, { phase, plan, down }]) => `${id}\n${phase}\n${plan}${down === true ? 'down\n' : ''}\0`).join(''),
    ),
  );
  const moves = { down: undefined, prove: undefined, place: 'placed', check: undefined, undo: 'undone', up: undefined } as const;
  remote.on(
    script(placingScript, 'begin'),
    says(async (call) => {
      journals.set(call.argv[6] ?? '', { phase: 'begun', plan: await inputOf(call) });
      return '';
    }),
  );
  for (const [verb, phase] of Object.entries(moves)) {
    remote.on(
      script(placingScript, verb),
      says(({ argv: [, , , , , , id = ''] }) => {
        const journal = journals.get(id);
        if (journal === undefined) {
          return { stderr: `cat: ${id}/phase: No such file or directory`, status: 1 };
        }
        journal.phase = phase ?? journal.phase;
        journal.down = verb === 'down' || (verb !== 'up' && journal.down === true);
        return '';
      }),
    );
  }
}
