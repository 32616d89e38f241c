import { dirname, join } from 'node:path';
import { type Sandbox, runSandbox, sandboxEnv } from './sandbox.ts';

/** A cluster of as many nodes beside the shared one, for a test that needs a fresh one. */
export interface SecondSandbox {
  /** Known before it is up. */
  readonly hosts: readonly string[];
  /** For `sandbox.ts`: which sandbox is meant. */
  readonly state: string;
  /** Makes and starts it; `yaml` is a directory that holds settings for single hosts. */
  readonly up: (yaml: string) => Promise<void>;
  /** The variables that make `sstash` reach its nodes, and none that says where backups lie. */
  readonly nodes: () => Readonly<Record<string, string>>;
  readonly wipe: () => Promise<void>;
}

/** Of what a killed run left there, nothing stays. */
export async function secondSandbox({
  hosts,
  env,
  cassandra,
}: Pick<Sandbox, 'env' | 'cassandra'> & { readonly hosts: readonly string[] }): Promise<SecondSandbox> {
  const state = join(dirname(env['SSTASH_SSHKEY'] ?? ''), 'second');
  // 127.0.5.2 → 127.1.5.2: nobody else's, as long as the first one's are not.
  const ours = hosts.map((host) => host.replace(/^127\.(\d+)\./, (_, number: string) => `127.${(Number(number) + 1) % 256}.`));
  const net = ours[0]?.replace(/\.\d+$/, '') ?? '';
  const port = String(Number(new URL(env['SSTASH_ENDPOINT'] ?? '').port) + 1);
  const wipe = async () => void (await runSandbox(['wipe'], { state }));
  await wipe();
  return {
    hosts: ours,
    state,
    up: async (yaml) => {
      const variables = { SSTASH_S3_PORT: port, SSTASH_SANDBOX_YAML_DIR: yaml };
      await runSandbox(['up', String(ours.length), '--cassandra', cassandra, '--net', net], { state, env: variables });
    },
    nodes: () => {
      const own = Object.entries(sandboxEnv({ state }));
      return Object.fromEntries(own.filter(([name]) => /^SSTASH_(HOSTS|USE|SSH|KNOWN)/.test(name)));
    },
    wipe,
  };
}
