import type { Kind } from '../../files/inode.ts';
import { basenameOf } from '../looking/names.ts';
import type { Entry } from './parse-find.ts';

const kindLetters: Readonly<Record<Kind, string>> = { file: 'f', directory: 'd', link: 'l', pipe: 'p', device: 'c', socket: 's' };
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '0': '\0', '\\': '\\' };

/** What `-printf` prints of an entry. Throws Error for a directive that the model does not know. */
export function printfOf(format: string): (entry: Entry) => string {
  const pieces = (format.match(/%T@|%[^]|\\[^]|[^%\\]+/g) ?? []).map((piece) => {
    if (piece.startsWith('\\')) {
      const character = escapes[piece.slice(1)] ?? unknown(piece);
      return () => character;
    }
    return piece.startsWith('%') ? directive(piece) : () => piece;
  });
  return (entry) => pieces.map((piece) => piece(entry)).join('');
}

function directive(piece: string): (entry: Entry) => string {
  switch (piece) {
    case '%%':
      return () => '%';
    case '%s':
      return ({ inode }) => String(inode.size);
    case '%T@':
      return ({ inode }) => secondsOf(inode.modified);
    case '%p':
      return ({ path }) => path;
    case '%P':
      return ({ path, start }) => path.slice(start.length).replace(/^\//, '');
    case '%H':
      return ({ start }) => start;
    case '%d':
      return ({ depth }) => String(depth);
    case '%f':
      return ({ path }) => basenameOf(path);
    case '%y':
      return ({ inode }) => kindLetters[inode.kind];
    case '%D':
      return ({ inode }) => String(inode.disk.device);
    case '%i':
      return ({ inode }) => String(inode.number);
    case '%n':
      return ({ inode }) => String(inode.links);
    case '%m':
      return ({ inode }) => inode.mode.toString(8);
    case '%U':
      return ({ inode }) => String(inode.uid);
    case '%G':
      return ({ inode }) => String(inode.gid);
    case '%l':
      return ({ own }) => own.target;
    default:
      return unknown(piece);
  }
}

/** Ten digits behind the point, as GNU's find prints them. */
function secondsOf(time: bigint): string {
  const whole = time / 1_000_000_000n;
  return `${whole}.${String(time % 1_000_000_000n).padStart(9, '0')}0`;
}

function unknown(piece: string): never {
  throw new Error(`the model of find -printf does not know ${piece}`);
}
