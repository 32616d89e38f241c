import { remoteContract } from '../../contract/remote.ts';
import { localRemote } from '../../support/local-remote.ts';

remoteContract('a child process', async () => {
  const remote = localRemote();
  return { remote, stop: () => remote.close() };
});
