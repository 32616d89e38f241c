import { quote } from '../remote.ts';
import type { SshOptions } from './ssh.ts';

/**
 * The command of this host's own ssh that runs a script from standard input on a host, with the rights that placing files and
 * stopping the service need: those of root, whoever reads the snapshots. For commands that people run by themselves.
 */
export function rootShell({ host, port, user, privateKey, knownHosts, sudo }: SshOptions): string {
  const words = [
    'ssh',
    ...(privateKey === undefined ? [] : ['-i', privateKey]),
    ...(port === undefined || port === 22 ? [] : ['-p', String(port)]),
    '-o',
    `UserKnownHostsFile=${knownHosts?.[0] ?? ''}`,
    `${user}@${host}`,
    ...(sudo === undefined ? [] : ['sudo', '-n']),
    // It reads a part of restartScript.
    'sh',
    '-s',
  ];
  return words.map(quote).join(' ');
}
