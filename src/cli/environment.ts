import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Socket of the ssh agent, if one runs. */
export function agentSocket(): string | undefined {
  return process.env['SSH_AUTH_SOCK'] || undefined;
}

/** The keys that OpenSSH's client would try when none is named, as far as they are there. */
export function defaultKeys(): readonly string[] {
  return ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name)).filter((path) => existsSync(path));
}
