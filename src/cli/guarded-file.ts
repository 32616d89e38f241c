import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UsageError } from '../model/errors.ts';
import { userName } from './environment.ts';

/** A file of this host that decides what is run or whom is believed, or holds a secret. */
export interface GuardedFile {
  readonly text: string;
  /** Its permission bits. */
  readonly mode: number;
}

export interface Guard {
  /** What messages call it: `the config file`, `--jmx-credentials`. */
  readonly what: string;
  /** Whether others must not even read it. */
  readonly secret?: boolean;
  /** What else can be done than to mend it. */
  readonly otherwise?: string;
}

const largest = 1024 ** 2;
/** What the caller has opened himself, `<(pass show jmx)` say, is as good as a word of the command line. */
const handedOver = /^(?:\/dev\/stdin|\/(?:dev|proc\/self)\/fd\/\d+)$/;

/** What a guarded file holds, where it is a text. Throws as `readGuardedBytes`. */
export function readGuarded(path: string, guard: Guard): GuardedFile {
  const { bytes, mode } = readGuardedBytes(path, guard);
  return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), mode };
}

/**
 * Reads a file that nobody but root and the one who runs this can have written: the file and every directory and link on the way to
 * it belong to one of the two, and nobody else may write there. It is the very file that was opened which is judged. Throws
 * UsageError that says what is wrong with which file or directory, and what mends it.
 */
export function readGuardedBytes(path: string, guard: Guard): { readonly bytes: Uint8Array; readonly mode: number } {
  const given = handedOver.test(path);
  let descriptor: number;
  try {
    // A named pipe must not hold us up: it is refused below.
    descriptor = openSync(path, given ? constants.O_RDONLY : constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new UsageError(`cannot read ${guard.what} ${path}: ${messageOf(cause).split(',')[0]}`, { cause });
  }
  try {
    const opened = fstatSync(descriptor);
    const trouble = given ? undefined : (troubleOnTheWay(path, opened) ?? troubleWithFile(path, opened, guard));
    if (trouble !== undefined) {
      const hint = [trouble.mend, guard.otherwise].filter((each) => each !== undefined).join('; ');
      throw new UsageError(`${guard.what} ${path} is not read: ${trouble.why}`, { hint });
    }
    return { bytes: readFileSync(descriptor), mode: opened.mode & 0o777 };
  } finally {
    closeSync(descriptor);
  }
}

interface Trouble {
  readonly why: string;
  readonly mend?: string;
}

function troubleWithFile(path: string, file: Stats, { secret = false }: Guard): Trouble | undefined {
  if (file.isCharacterDevice()) {
    // `/dev/null`, which everybody may write to, and nobody else than root has made.
    return undefined;
  }
  if (!file.isFile()) {
    return { why: 'it is no file' };
  }
  if (file.size > largest) {
    return { why: `it has ${file.size} bytes, and no such file needs more than ${largest}` };
  }
  if (secret && (file.mode & 0o077) !== 0) {
    return { why: `it holds a secret, and others may read it (mode ${modeText(file)})`, mend: `chmod 600 ${shown(path)}` };
  }
  return (file.mode & 0o022) === 0
    ? undefined
    : { why: `others may write it (mode ${modeText(file)})`, mend: `chmod go-w ${shown(path)}` };
}

function troubleOnTheWay(path: string, opened: Stats): Trouble | undefined {
  try {
    return troubleOnPath(path, opened);
  } catch (cause) {
    // It could be opened a moment ago.
    return { why: messageOf(cause) };
  }
}

/** What is wrong with a part of the path, from `/` on, behind all links. */
function troubleOnPath(path: string, opened: Stats): Trouble | undefined {
  const ahead = (path.startsWith('/') ? path : `${process.cwd()}/${path}`).split('/');
  let [at, found, links] = ['/', lstatSync('/'), 0];
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    if (part === '' || part === '.') {
      continue;
    }
    if (part === '..') {
      [at, found] = [dirname(at), lstatSync(dirname(at))];
      continue;
    }
    const child = join(at, part);
    const next = lstatSync(child);
    const trouble = troubleWithDirectory(at, found, next) ?? troubleWithOwner(child, next);
    if (trouble !== undefined) {
      return trouble;
    }
    if (next.isSymbolicLink()) {
      links += 1;
      const target = readlinkSync(child);
      ahead.unshift(...target.split('/'));
      [at, found] = target.startsWith('/') ? ['/', lstatSync('/')] : [at, found];
      if (links > 40) {
        return { why: 'too many links lead to it' };
      }
      continue;
    }
    [at, found] = [child, next];
  }
  return found.dev === opened.dev && found.ino === opened.ino ? undefined : { why: 'it was exchanged meanwhile' };
}

function troubleWithDirectory(directory: string, stats: Stats, child: Stats): Trouble | undefined {
  if ((stats.mode & 0o022) === 0) {
    return undefined;
  }
  const mend = `chmod go-w ${shown(directory)}`;
  if ((stats.mode & 0o1000) === 0) {
    return { why: `others may write to the directory ${directory} (mode ${modeText(stats)})`, mend };
  }
  // What is in such a directory only its owner may exchange; but anybody may have put a second name of a file there.
  return child.isFile() && child.nlink > 1
    ? { why: `it has ${child.nlink} names, and everybody may give it one in ${directory}`, mend: 'make a copy of it' }
    : undefined;
}

function troubleWithOwner(path: string, { uid }: Stats): Trouble | undefined {
  return uid === 0 || uid === process.geteuid?.()
    ? undefined
    : {
        why: `${path} belongs to another user (uid ${uid}), who could write what he likes there`,
        mend: `if you have read it and trust it: chown ${shown(userName())} ${shown(path)}`,
      };
}

function modeText({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** As a shell reads it back. */
function shown(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
