/**
 * npm run bench:scale: what a direct backup of many nodes costs the control host: CPU, memory, requests of its own. The nodes
 * are simulated (see simulated-cluster.ts); the S3 server is real, but gets only what the control host itself sends.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCountingProxy } from '../../test/support/counting-proxy.ts';
import { startVersityGateway } from '../../test/support/s3-servers.ts';
import { makeCpuGroups } from './cpu-groups.ts';
import { markdownTable } from './figures.ts';
import { cache, repository } from './lab.ts';
import { type Cost, measure, run } from './measure.ts';
import { type SimulatedSize, startSimulatedCluster } from './simulated-cluster.ts';

const help = `npm run bench:scale -- [OPTIONS]: needs Debian and root

  --size NODESxCOMPONENTS   instead of the usual ones; may be repeated
  --program FILE            another build's dist/main.js
`;
const usual = ['50x1000', '50x5000', '100x5000', '200x1000', '200x5000'];

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', multiple: true, default: usual },
    program: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const directory = join(cache, 'bench', 'scale');
const say = (text: string): void => console.error(`bench: ${text}`);

interface ScaleRun extends Cost, SimulatedSize {
  readonly requests: number;
}

async function scale(): Promise<readonly ScaleRun[]> {
  const program = options.program ?? join(repository, 'dist/main.js');
  if (options.program === undefined) {
    await run({ argv: ['npm', 'run', '--silent', '--prefix', repository, 'build'], env: {} }, '/tmp');
  }
  await run({ argv: [join(repository, 'scripts/fetch-versitygw')], env: {} }, '/tmp');
  const { groups, remove } = makeCpuGroups();
  const server = await startVersityGateway();
  const proxy = await startCountingProxy(server.endpoint);
  const runs: ScaleRun[] = [];
  try {
    for (const text of options.size) {
      const [nodes = 0, components = 0] = text.split('x').map(Number);
      say(`${nodes} nodes of ${components} components`);
      const cluster = await startSimulatedCluster(directory, { nodes, components });
      try {
        proxy.reset();
        const cost = await measure(
          {
            argv: [process.execPath, program, 'backup', '--quiet', '--transfer', 'direct', '--hosts', cluster.hosts.join(',')],
            env: {
              ...cluster.env,
              SSTASH_LOCATION: `s3://${server.bucket}/${text}`,
              SSTASH_ENDPOINT: proxy.endpoint,
              SSTASH_PATH_STYLE: 'true',
              AWS_REGION: 'us-east-1',
              AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
              AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
            },
          },
          groups,
          '/tmp',
        );
        runs.push({ nodes, components, requests: proxy.requests.length, ...cost });
      } finally {
        await cluster.stop();
      }
    }
  } finally {
    await proxy.stop();
    await server.stop();
    remove();
  }
  return runs;
}

function tableOf(runs: readonly ScaleRun[]): string {
  return markdownTable(
    ['nodes', 'components each', 'control host CPU-s', 'ms per component', 'peak RSS MB', 'requests of its own', 'wall s'],
    runs.map(({ nodes, components, clientCpu, peakRssBytes, requests, wallSeconds }) => [
      String(nodes),
      String(components),
      clientCpu.toFixed(1),
      ((clientCpu * 1000) / (nodes * components)).toFixed(3),
      (peakRssBytes / 1e6).toFixed(0),
      String(requests),
      wallSeconds.toFixed(0),
    ]),
  );
}

if (options.help) {
  console.log(help);
} else {
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? ''}, Node ${process.version}\n\n${tableOf(await scale())}`);
}
