import { openSsh } from '../../src/cluster/ssh.ts';
import { remoteContract } from '../contract/remote.ts';
import { noSshd, startSshd } from '../support/sshd.ts';

remoteContract(
  'ssh',
  async () => {
    const sshd = await startSshd();
    const remote = await openSsh({
      host: sshd.host,
      port: sshd.port,
      user: sshd.user,
      privateKey: sshd.userKey,
      knownHosts: [sshd.knownHosts],
      hostKeyChecking: 'strict',
    });
    return {
      remote,
      async stop() {
        await remote.close();
        await sshd.stop();
      },
    };
  },
  noSshd,
);
