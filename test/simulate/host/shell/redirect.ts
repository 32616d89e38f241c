import { chunkOf } from '../bytes.ts';
import { Errno } from '../files/errno.ts';
import type { Description } from '../process/description.ts';
import type { Process } from '../process/process.ts';
import { expandText } from './expand.ts';
import type { Shell } from './shell.ts';
import type { Redirection } from './syntax.ts';

/** A redirection that cannot be made; the message is dash's. */
export class RedirectionFailure extends Error {
  override readonly name = 'RedirectionFailure';
}

/** Makes them in a process, one after the other. Throws RedirectionFailure. */
export async function redirect(shell: Shell, process: Process, redirections: readonly Redirection[]): Promise<void> {
  for (const redirection of redirections) {
    const { fd, operator, word } = redirection;
    const text = await expandText(shell, word);
    process.setDescriptor(fd, await target(shell, process, operator, text));
  }
}

/** Does something with them made in the shell itself, and takes them back. */
export async function redirected<T>(shell: Shell, redirections: readonly Redirection[], work: () => Promise<T>): Promise<T> {
  const { process } = shell;
  const before = redirections.map(({ fd }) => [fd, process.descriptors().get(fd)?.held()] as const);
  try {
    await redirect(shell, process, redirections);
    return await work();
  } finally {
    for (const [fd, description] of before.toReversed()) {
      if (process.ending === undefined) {
        process.setDescriptor(fd, description);
      }
      description?.release();
    }
  }
}

async function target(shell: Shell, process: Process, operator: string, text: string): Promise<Description | undefined> {
  if (operator === '<<') {
    return documentOf(process, text);
  }
  if (operator.endsWith('&')) {
    if (text === '-') {
      return undefined;
    }
    const description = /^\d+$/.test(text) ? process.descriptors().get(Number(text)) : undefined;
    if (description === undefined) {
      throw new RedirectionFailure(`${text}: Bad file descriptor`);
    }
    return description;
  }
  const way = operator === '<' ? 'read' : operator === '>>' ? 'append' : operator === '<>' ? 'both' : 'write';
  try {
    const keeps = operator === '>' && shell.options.has('C');
    const there = keeps ? process.files.look(text) : undefined;
    if (there?.kind === 'file') {
      throw new Errno('EEXIST');
    }
    return await process.open(text, way, { exclusive: keeps && there === undefined });
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    const isRead = way === 'read';
    const why = error.code === 'ENOENT' ? (isRead ? 'No such file' : 'Directory nonexistent') : error.message;
    throw new RedirectionFailure(`cannot ${isRead ? 'open' : 'create'} ${text}: ${why}`);
  }
}

/** A pipe with the text in it; another process fills it, as the text may be longer than a pipe holds. */
function documentOf(process: Process, text: string): Description {
  const { host } = process;
  const pipe = host.pipe();
  host.fork(
    process,
    (child) => child.setDescriptor(1, pipe.writer),
    async (child) => {
      child.dispositions.set('PIPE', 'ignore');
      await child.write(chunkOf(text), 1);
      return 0;
    },
  );
  return pipe.reader;
}
