import { existsSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Owner } from '../model/lock.ts';

/** Socket of the ssh agent, if one runs. */
export function agentSocket(): string | undefined {
  return process.env['SSH_AUTH_SOCK'] || undefined;
}

/** The keys that OpenSSH's client would try when none is named, as far as they are there. */
export function defaultKeys(): readonly string[] {
  return ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name)).filter((path) => existsSync(path));
}

/** This process, as marks and locks name it. */
export function processOwner(): Owner {
  return { host: hostname(), pid: process.pid, user: userName() };
}

/** The id of whoever runs this. */
export function userId(): number | undefined {
  return process.getuid?.();
}

/** Containers run under ids that no user has. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
