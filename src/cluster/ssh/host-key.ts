import { RemoteError } from '../../model/errors.ts';
import { commandLine, quote } from '../../model/node/shell-text.ts';
import { addKnownHost, fingerprint, judgeHostKey, keyTypeOf, type KnownHostsLine, knownHostsName } from './known-hosts.ts';

export interface HostKeyPolicy {
  readonly host: string;
  readonly port: number;
  /** Files in OpenSSH's known_hosts format; `accept-new` adds to the first. */
  readonly knownHosts: readonly string[];
  readonly hostKeyChecking: 'strict' | 'accept-new';
}

/** Resolves if the host's key may be trusted; otherwise throws what to tell the user. */
export async function admitHost(target: HostKeyPolicy, lines: readonly KnownHostsLine[], key: Uint8Array): Promise<void> {
  const { host, port } = target;
  const name = knownHostsName(host, port);
  const offered = `${keyTypeOf(key)} ${fingerprint(key)}`;
  const verdict = judgeHostKey(lines, host, port, key);
  if (verdict.state === 'known') {
    return;
  }
  if (verdict.state === 'revoked') {
    throw new RemoteError(`the key of ${name} is marked as revoked at ${verdict.place} (${offered})`, { host });
  }
  if (verdict.state === 'changed') {
    const hint =
      'either the host was set up anew, or somebody stands between; if you know why, ' +
      `remove the old key: ${commandLine(['ssh-keygen', '-R', name, '-f', verdict.place.replace(/:\d+$/, '')])}`;
    throw new RemoteError(
      `host key changed: ${name} now shows ${offered}, not the ${verdict.keyType} key known from ${verdict.place}`,
      { host, hint },
    );
  }
  const file = target.knownHosts[0];
  if (target.hostKeyChecking === 'accept-new' && file !== undefined) {
    await addKnownHost(file, host, port, key);
    return;
  }
  const authority =
    verdict.authority === undefined
      ? ''
      : `; the certificate authority at ${verdict.authority} is no help, as certificates are not supported`;
  const scanned = commandLine(['ssh-keyscan', ...(port === 22 ? [] : ['-p', String(port)]), host]);
  const scan = `${scanned} >> ${file === undefined ? '~/.ssh/known_hosts' : quote(file)}`;
  const hint = `compare the fingerprint on the host, then: ${scan}, or use --host-key-checking accept-new`;
  throw new RemoteError(`unknown host key of ${name}: ${offered}${authority}`, { host, hint });
}
