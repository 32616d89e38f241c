import { printedWord } from '../../model/node/shell-text.ts';
import type { SshOptions } from './ssh.ts';

/**
 * The command of this host's own ssh that runs a script from standard input on a host, with the rights that placing files and
 * stopping the service need: those of root, whoever reads the snapshots. For commands that people run by themselves. Throws BackupError
 * for a name with a control character.
 */
export function rootShell({ host, port, user, privateKey, knownHosts, sudo }: SshOptions): string {
  const words = [
    'ssh',
    ...(privateKey === undefined ? [] : ['-i', privateKey]),
    ...(port === undefined || port === 22 ? [] : ['-p', String(port)]),
    '-o',
    `UserKnownHostsFile=${optionValue(knownHosts?.[0] ?? '')}`,
    // A name that begins with a dash is a name.
    '--',
    `${user}@${host}`,
    ...(sudo === undefined ? [] : ['sudo', '-n']),
    // It reads a part of restartScript.
    'sh',
    '-s',
  ];
  return words.map(printedWord).join(' ');
}

/** As ssh_config(5) reads it: words at blanks, unless they are quoted, and `%` for what is put in. */
function optionValue(path: string): string {
  const value = path.replaceAll('%', '%%');
  return /\s/.test(value) ? `"${value}"` : value;
}
