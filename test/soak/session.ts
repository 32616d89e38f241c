import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Field } from './tables.ts';

const sandbox = fileURLToPath(new URL('../../scripts/sandbox', import.meta.url));
const program = fileURLToPath(new URL('session.py', import.meta.url));

/** A CQL session that stays open: cqlsh takes a second for each call. One request after the other. */
export interface Session {
  /** Writes at ALL; returns when all are done. */
  write(statements: readonly string[]): Promise<void>;
  change(statements: readonly string[]): Promise<void>;
  /** From all replicas, or from one, as the node `by` chooses it. */
  read(statement: string, by?: string): Promise<readonly (readonly Field[])[]>;
  close(): Promise<void>;
}

interface Answer {
  readonly error?: string;
  readonly rows?: readonly (readonly Field[])[];
}

export function openSession(hosts: readonly string[]): Session {
  const child: ChildProcess = spawn(sandbox, ['python', program, ...hosts], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint = `${complaint}${text}`.slice(-4000)));
  child.stdin?.on('error', () => {});
  const waiting: { readonly hear: (answer: Answer) => void; readonly fail: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => waiting.shift()?.hear(JSON.parse(line)));
  const ended = once(child, 'exit').then(() => {
    waiting.splice(0).forEach(({ fail }) => fail(new Error(`the CQL session has ended: ${complaint}`)));
  });
  const ask = async (request: unknown): Promise<Answer> => {
    const answer = await new Promise<Answer>((hear, fail) => {
      waiting.push({ hear, fail });
      child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    if (answer.error !== undefined) {
      throw new Error(`the CQL session: ${answer.error}`);
    }
    return answer;
  };
  return {
    write: async (statements) => void (await ask({ write: statements })),
    change: async (statements) => void (await ask({ change: statements })),
    read: async (statement, by) => (await ask({ read: statement, ...(by === undefined ? {} : { by }) })).rows ?? [],
    close: async () => {
      child.stdin?.end();
      await ended;
    },
  };
}
