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
      const told = new Set<string>();
      const steps = (path: string): string => {
        const parts = path.split('/').slice(1, -1);
        const above = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`).toReversed();
        // Each is told once, and so is all above it.
        const fresh = [...above, '/'].filter((each) => !told.has(each));
        fresh.forEach((each) => told.add(each));
        return fresh
          .map((each) =>
            each.startsWith('/var/lib/cassandra')
              ? `step ${owner} 41ed ${owner} ${owner} cassandra/cassandra${each}\0`
              : `step 0 41ed 0 0 root/root${each}\0`,
          )
          .join('');
      };
      const ofFile = `way ${file}\0step 0 81a4 0 0 root/root${file}\0${steps(file)}`;
      const owned = directories.map(
        (path) => `way ${path}\0step ${owner} 41ed ${owner} ${owner} cassandra/cassandra${path}\0${steps(path)}`,
      );
      return { stdout: `${owner} \0${owner} \0${ofFile}${owned.join('')}` };
    },
  ],
  [findOwnerScript, () => ({ stdout: 'cassandra\0' })],
  [
    probeToolsScript,
    ({ files, args, nowMs, lzop }) => {
      const spaces = args.map((directory) => {
        const { disk } = files.stat(directory);
        const [total, used, free] = [disk.totalBytes, disk.usedBytes, disk.freeBytes].map((bytes) => Math.floor(bytes / 1024));
        return `space\tyes\t/dev/disk${disk.device - 0x801} ${total} ${used} ${free} 1% ${disk.mountPoint}\n`;
      });
      const tool = lzop ? 'lzop\t/usr/bin/lzop\tlzop 1.04\n' : '';
      return { stdout: `${tool}${spaces.join('')}now\t${Math.floor(nowMs / 1000)}\n` };
    },
  ],
]);
