import { BackupError } from '../errors.ts';
import { tableName } from '../sstable.ts';
import { hasHidden, visibleInLine } from '../visible.ts';

/**
 * What a node says is data of somebody whom nobody vouches for: it becomes part of paths, command lines, keys and printed scripts, so
 * it is held against its form where it is read, and not where it is used.
 */
export type ToldKind = 'path' | 'address' | 'name' | 'hostId' | 'version' | 'token' | 'className' | 'tableName';

const kinds: Readonly<Record<ToldKind, { readonly is: (text: string) => boolean; readonly noun: string }>> = {
  path: { is: isPlainPath, noun: 'an absolute path, without `.` and `..` in it and control characters' },
  address: { is: isHostName, noun: 'an address or a name of a host' },
  name: { is: (text) => text.length <= 255 && !hasHidden(text), noun: 'a name without control characters' },
  hostId: { is: (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text), noun: 'a host id' },
  version: { is: (text) => /^\d[\w.+~-]{0,99}$/.test(text), noun: 'a version' },
  // Numbers; of partitioners that keep the order of keys, bytes or text.
  token: { is: (text) => text.length <= 8192 && !hasHidden(text), noun: 'a token' },
  tableName: { is: (text) => text.length <= 255 && tableName.test(text), noun: 'the name of a keyspace or table' },
  className: { is: (text) => /^[\w.$]{1,255}$/.test(text), noun: 'the name of a class' },
};

/** The text, if it is of that kind. Throws BackupError that says where it stands: host, file or command, and key. */
export function told(kind: ToldKind, text: string, place: string): string {
  const { is, noun } = kinds[kind];
  if (!is(text)) {
    const start = text.length > 200 ? `${text.slice(0, 200)}…` : text;
    throw new BackupError(`${visibleInLine(place)} is not ${noun}: ${visibleInLine(start)}`);
  }
  return text;
}

/** Absolute, and every part of it a name that people can see; as long as the kernel takes it. */
export function isPlainPath(path: string): boolean {
  const parts = path.split('/');
  return path.startsWith('/') && path.length < 4096 && !hasHidden(path) && !parts.includes('.') && !parts.includes('..');
}

/**
 * The name or address of a host: it goes into the argv of ssh, into a line of known_hosts, and becomes a file's name and a part of keys.
 */
export function isHostName(text: string): boolean {
  return /^[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,254}$/.test(text) && !text.includes('..');
}
