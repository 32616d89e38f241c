import type { Files } from '../host/files/files.ts';

/**
 * What lies on a node that neither it nor its server has put there, by the uppermost path of each; but for what a node has from its first restore
 * on: files to lock, and directories for staging, empty, where a run was ended before it made anything in them. Whose such a one is nobody can say:
 * the operator may have made it.
 */
export function strangePaths(files: Files): readonly string[] {
  const strange: string[] = [];
  const look = (path: string, isOwn: (below: string) => boolean): void => {
    for (const name of files.list(path)) {
      const below = `${path}/${name}`;
      if (!isOwn(below)) {
        strange.push(below);
      } else if (files.stat(below, false).kind === 'directory') {
        look(below, isOwn);
      }
    }
  };
  ['/tmp', '/var/tmp', '/dev/shm', '/run', '/root', '/home'].forEach((place) =>
    look(place, (path) => path === '/tmp/cassandra_restore'),
  );
  look('/var/lib', (path) => ofServer.test(path));
  return strange;
}

const sstableFile = String.raw`nb-\d+-big-[\w.]+`;
const ofTable = String.raw`(/(${sstableFile}|backups(/${sstableFile})?|snapshots(/(truncated|dropped)-[^/]+(/[^/]+)?)?))?`;
const ofServer = new RegExp(
  String.raw`^/var/lib/cassandra(/(sstash_restore|commitlog(/CommitLog-[^/]+\.log)?|hints|saved_caches|data(/\.sstash-(lock|placed|undo(/lock)?)|/\w+(/\w+-[0-9a-f]{32}${ofTable})?)?))?$`,
);
