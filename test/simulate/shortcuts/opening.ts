import { findOwnerScript } from '../../../src/cluster/files/as-owner.ts';
import { findConfigScript } from '../../../src/cluster/tools/find-config.ts';
import { probeToolsScript } from '../../../src/cluster/tools/node-probe.ts';
import { lookAtWaysScript } from '../../../src/cluster/tools/node-ways.ts';
import type { Shortcut } from './shortcut.ts';

const configPath = '/etc/cassandra/cassandra.yaml';
const owner = 7100;

/** Scripts that a command opens a node with, where the data's owner logs in, who has no privileges to give away. */
export const openingShortcuts: ReadonlyMap<string, Shortcut> = new Map<string, Shortcut>([
  [
    findConfigScript,
    ({ files, isUp }) => ({ stdout: `${configPath}\0\0\0${isUp ? `${owner} ` : ''}\0\0${files.text(configPath)}` }),
  ],
  [
    lookAtWaysScript,
    ({ args: [file = '', ...directories] }) => {
      const steps = (path: string): string =>
        path
          .split('/')
          .slice(1, -1)
          .map((_, index, all) => `/${all.slice(0, index + 1).join('/')}`)
          .toReversed()
          .concat('/')
          .map((above) =>
            above.startsWith('/var/lib/cassandra')
              ? `step ${owner} 41ed ${owner} ${owner} cassandra/cassandra${above}\0`
              : `step 0 41ed 0 0 root/root${above}\0`,
          )
          .join('');
      const owned = directories.map(
        (path) => `way ${path}\0step ${owner} 41ed ${owner} ${owner} cassandra/cassandra${path}\0${steps(path)}`,
      );
      return { stdout: `${owner} \0${owner} \0way ${file}\0step 0 81a4 0 0 root/root${file}\0${steps(file)}${owned.join('')}` };
    },
  ],
  [findOwnerScript, () => ({ stdout: 'cassandra\0' })],
  [
    probeToolsScript,
    ({ files, args, nowMs, lzop }) => {
      const spaces = args.map((directory) => {
        const { disk } = files.stat(directory);
        const [total, used, free] = [disk.totalBytes, disk.usedBytes, disk.freeBytes].map((bytes) => Math.floor(bytes / 1024));
        return `space\tyes\t/dev/sda${disk.device & 0xff} ${total} ${used} ${free} 1% ${disk.mountPoint}\n`;
      });
      const tool = lzop ? 'lzop\t/usr/bin/lzop\tlzop 1.04\n' : '';
      return { stdout: `${tool}${spaces.join('')}now\t${Math.floor(nowMs / 1000)}\n` };
    },
  ],
]);
