import { mayEnter, mayRead, mayWrite } from '../../files/access.ts';
import type { Inode } from '../../files/inode.ts';
import type { Process } from '../../process/process.ts';

/** What `test` cannot read; the message is dash's. */
export class TestFailure extends Error {
  override readonly name = 'TestFailure';
}

/** Whether the words of `test` hold. Throws TestFailure. */
export function holds(process: Process, words: readonly string[]): boolean {
  const [first = '', second = '', third = ''] = words;
  if (words.length <= 1) {
    return first !== '';
  }
  if (words.length === 3 && second in binary) {
    return binary[second]?.(first, third, process) ?? false;
  }
  if (first === '!') {
    return !holds(process, words.slice(1));
  }
  if (words.length === 3 && first === '(' && third === ')') {
    return second !== '';
  }
  if (words.length === 2) {
    return unary[first]?.(second, process) ?? unknown(first);
  }
  const or = words.indexOf('-o');
  const joint = or > 0 ? or : words.indexOf('-a');
  if (joint < 0) {
    return unknown(second);
  }
  const [left, right] = [holds(process, words.slice(0, joint)), holds(process, words.slice(joint + 1))];
  return words[joint] === '-o' ? left || right : left && right;
}

function unknown(word: string): never {
  throw new TestFailure(`${word}: unexpected operator`);
}

type Unary = (word: string, process: Process) => boolean;

const look =
  (is: (inode: Inode, process: Process) => boolean, follow = true): Unary =>
  (path, process) => {
    const inode = process.files.look(path, follow);
    return inode !== undefined && is(inode, process);
  };
const isKind = (kind: Inode['kind'], follow = true): Unary => look((inode) => inode.kind === kind, follow);
const allowed =
  (wanted: number): Unary =>
  (path, process) =>
    process.files.allows(path, wanted);

const unary: Readonly<Record<string, Unary>> = {
  '-n': (word) => word !== '',
  '-z': (word) => word === '',
  '-e': look(() => true),
  '-f': isKind('file'),
  '-d': isKind('directory'),
  '-h': isKind('link', false),
  '-L': isKind('link', false),
  '-p': isKind('pipe'),
  '-S': isKind('socket'),
  '-b': () => false,
  '-c': isKind('device'),
  '-s': look(({ size }) => size > 0),
  '-u': look(({ mode }) => (mode & 0o4000) !== 0),
  '-g': look(({ mode }) => (mode & 0o2000) !== 0),
  '-k': look(({ mode }) => (mode & 0o1000) !== 0),
  '-O': look(({ uid }, { who }) => uid === who.uid),
  '-G': look(({ gid }, { who }) => gid === who.gid),
  '-r': allowed(mayRead),
  '-w': allowed(mayWrite),
  '-x': allowed(mayEnter),
  '-t': () => false,
};

type Binary = (one: string, other: string, process: Process) => boolean;

const numbers =
  (compare: (one: number, other: number) => boolean): Binary =>
  (one, other) =>
    compare(numberOf(one), numberOf(other));

function numberOf(word: string): number {
  if (!/^\s*[-+]?\d+\s*$/.test(word)) {
    throw new TestFailure(`Illegal number: ${word}`);
  }
  return Number(word);
}

const times =
  (compare: (one: bigint, other: bigint) => boolean): Binary =>
  (one, other, { files }) =>
    compare(files.look(one)?.modified ?? -1n, files.look(other)?.modified ?? -1n);

const binary: Readonly<Record<string, Binary>> = {
  '=': (one, other) => one === other,
  '!=': (one, other) => one !== other,
  '-eq': numbers((one, other) => one === other),
  '-ne': numbers((one, other) => one !== other),
  '-lt': numbers((one, other) => one < other),
  '-le': numbers((one, other) => one <= other),
  '-gt': numbers((one, other) => one > other),
  '-ge': numbers((one, other) => one >= other),
  '-nt': times((one, other) => one > other),
  '-ot': times((one, other) => one < other),
  '-ef': (one, other, { files }) => {
    const [first, second] = [files.look(one), files.look(other)];
    return first !== undefined && first === second;
  },
};
