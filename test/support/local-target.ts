import type { LocalRestoreParts } from '../../src/operations/download/download.ts';

/** Who downloads to this host in a test; nothing is there that would have to go. */
export const here: Pick<LocalRestoreParts, 'owner' | 'mayClear'> = {
  owner: { host: 'bastion', pid: process.pid, user: 'ops' },
  mayClear: async () => false,
};
