/**
 * OpenSSH's known_hosts files: whose key a host has. The format is in sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; the rules
 * are those of OpenSSH's own client, with two that are stricter: a host known by another type of key only is not
 * unknown but changed, and certificate authorities are told apart but never believed, as ssh2 has no certificates.
 */
import { createHash, createHmac } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackupError } from '../../model/errors.ts';
import { visibleInLine } from '../../model/visible.ts';
import { isHostName } from '../../model/node/told.ts';
import { globMatcher } from '../../model/options/glob.ts';

export interface KnownHostsLine {
  readonly marker: '' | '@revoked' | '@cert-authority';
  /** The host patterns as written: comma-separated names and wildcards, or one hash. */
  readonly hosts: string;
  readonly keyType: string;
  /** Base64 of the public key in SSH's wire form. */
  readonly key: string;
  /** `file:line`, for people. */
  readonly place: string;
}

export type HostKeyVerdict =
  | { readonly state: 'known' }
  | { readonly state: 'unknown'; readonly authority?: string }
  | { readonly state: 'changed'; readonly place: string; readonly keyType: string }
  | { readonly state: 'revoked'; readonly place: string };

/** The lines that mean something; comments, blank lines and damaged ones are passed over as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): readonly KnownHostsLine[] {
  return text.split('\n').flatMap((line, index): readonly KnownHostsLine[] => {
    const words = line.trim().split(/[ \t]+/);
    const first = words[0] ?? '';
    if (first === '' || first.startsWith('#')) {
      return [];
    }
    const marker = first === '@revoked' || first === '@cert-authority' ? first : '';
    if (first.startsWith('@') && marker === '') {
      return [];
    }
    const [hosts, keyType, key] = marker === '' ? words : words.slice(1);
    if (hosts === undefined || keyType === undefined || key === undefined) {
      return [];
    }
    if (keyTypeOf(Buffer.from(key, 'base64')) !== keyType) {
      return [];
    }
    return [{ marker, hosts, keyType, key, place: `${file}:${index + 1}` }];
  });
}

/** All lines of several files, in order; a file that does not exist holds none. */
export async function readKnownHosts(files: readonly string[]): Promise<readonly KnownHostsLine[]> {
  const texts = await Promise.all(
    files.map(async (file) => {
      try {
        return parseKnownHosts(await readFile(file, 'utf8'), file);
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
          return [];
        }
        throw error;
      }
    }),
  );
  return texts.flat();
}

/** The name under which a host is looked up: the port is part of it unless it is 22. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** What the files say of this key for this host. */
export function judgeHostKey(lines: readonly KnownHostsLine[], host: string, port: number, key: Uint8Array): HostKeyVerdict {
  const base64 = Buffer.from(key).toString('base64');
  const own = lines.filter((line) => matchesHost(line.hosts, knownHostsName(host, port)));
  const same = (line: KnownHostsLine): boolean => canonical(line.key) === base64;
  const revoked = own.find((line) => line.marker === '@revoked' && same(line));
  if (revoked !== undefined) {
    return { state: 'revoked', place: revoked.place };
  }

  const plain = own.filter((line) => line.marker === '');
  if (plain.some(same)) {
    return { state: 'known' };
  }
  const changed = plain.find((line) => line.keyType === keyTypeOf(key)) ?? plain[0];
  if (changed !== undefined) {
    return { state: 'changed', place: changed.place, keyType: changed.keyType };
  }

  // OpenSSH: a key known for the bare name is good on any other port too, though a differing one says nothing there.
  if (port !== 22 && judgeHostKey(lines, host, 22, key).state === 'known') {
    return { state: 'known' };
  }
  const authority = own.find((line) => line.marker === '@cert-authority')?.place;
  return authority === undefined ? { state: 'unknown' } : { state: 'unknown', authority };
}

/** Types of the keys known for a host, to be asked for first: a host has several, and any other would look changed. */
export function knownKeyTypes(lines: readonly KnownHostsLine[], host: string, port: number): readonly string[] {
  const typesOf = (name: string): readonly string[] =>
    lines.filter((line) => line.marker === '' && matchesHost(line.hosts, name)).map((line) => line.keyType);
  const own = typesOf(knownHostsName(host, port));
  return [...new Set(own.length > 0 ? own : typesOf(knownHostsName(host, 22)))];
}

/** `SHA256:…` as `ssh-keygen -l` prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a public key in wire form names in its first field; empty if it is no key. */
export function keyTypeOf(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  if (bytes.length < 4) {
    return '';
  }
  const length = bytes.readUInt32BE(0);
  return length > 64 || bytes.length < 4 + length ? '' : bytes.toString('latin1', 4, 4 + length);
}

/**
 * Adds a host's key. One write to a file opened for appending, so that two runs at once cannot mix their lines. Throws BackupError for
 * a name that would be more than one in that line, a pattern, or a line of its own, and for a key whose type is no word.
 */
export async function addKnownHost(file: string, host: string, port: number, key: Uint8Array): Promise<void> {
  if (!isHostName(host) || !/^[A-Za-z0-9@._-]+$/.test(keyTypeOf(key))) {
    throw new BackupError(
      `the key of ${visibleInLine(host)} cannot be written to ${file}: the name or the type of the key is none`,
    );
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a+', 0o600);
  try {
    const { size } = await handle.stat();
    const last = Buffer.alloc(1);
    if (size > 0) {
      await handle.read(last, 0, 1, size - 1);
    }
    const newline = size > 0 && last[0] !== 0x0a ? '\n' : '';
    await handle.write(`${newline}${knownHostsName(host, port)} ${keyTypeOf(key)} ${Buffer.from(key).toString('base64')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function canonical(base64: string): string {
  return Buffer.from(base64, 'base64').toString('base64');
}

function matchesHost(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = patterns.split('|');
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === canonical(hash);
  }
  const all = patterns.toLowerCase().split(',');
  const negated = all.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  return !negated.some((pattern) => globMatcher(pattern)(name)) && all.some((pattern) => globMatcher(pattern)(name));
}
