import { rmSync, writeFileSync } from 'node:fs';
import type { Contender } from './contender.ts';
import { medusaHome, names } from './contender-programs.ts';
import type { Lab } from './lab.ts';
import { type Program, run } from './measure.ts';

const prefix = 'medusa';

/**
 * cassandra-medusa as it is meant to be run: installed on the node, backing up the node's own data directory. At its
 * best settings as measured: 8 transfers and no limit of the bandwidth; its defaults are 1 and 50 MB/s. It takes all
 * keyspaces, the system's too (0.2 MB here).
 */
export async function medusaContender(lab: Lab): Promise<Contender> {
  await install(lab);
  const medusa = (...words: readonly string[]): Program =>
    lab.inNode('/tmp/medusa/bin/python3', '/tmp/medusa/bin/medusa', '--config-file', '/tmp/medusa.ini', ...words);
  const backup = (name: string): Program => medusa('backup-node', '--backup-name', name, '--mode', 'differential');
  const down = lab.onNode('tmp/medusa-down');
  return {
    name: names.medusa,
    prefix,
    upload: backup('first'),
    again: backup('second'),
    downloads: [
      {
        name: names.medusa,
        program: medusa(
          'download',
          '--backup-name',
          'first',
          '--download-destination',
          '/tmp/medusa-down',
          '--keyspace',
          'bench',
        ),
        result: down,
        whole: down,
        made: true,
      },
    ],
  };
}

/** Into the node's own /tmp: a sandbox host does not see this machine's home directories. */
async function install(lab: Lab): Promise<void> {
  const inside = lab.onNode('tmp/medusa');
  rmSync(inside, { recursive: true, force: true });
  await run({ argv: ['cp', '-al', medusaHome, inside], env: {} }, lab.directory);
  const { hostname, port } = new URL(lab.endpoint);
  const { AWS_ACCESS_KEY_ID: id = '', AWS_SECRET_ACCESS_KEY: secret = '' } = lab.env;
  const keys = `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;
  writeFileSync(lab.onNode('tmp/medusa.keys'), keys, { mode: 0o600 });
  const settings = `[cassandra]
config_file = /etc/cassandra/cassandra.yaml
nodetool_executable = /tmp/medusa.nodetool
nodetool_host = ${lab.host}
nodetool_port = 7199
resolve_ip_addresses = False
use_sudo = False

[storage]
storage_provider = s3_compatible
bucket_name = ${lab.bucket}
key_file = /tmp/medusa.keys
prefix = ${prefix}
host = ${hostname}
port = ${port}
secure = False
ssl_verify = False
region = us-east-1
s3_addressing_style = path
fqdn = ${lab.host}
use_sudo_for_restore = False
max_backup_age = 0
max_backup_count = 0
transfer_max_bandwidth = 10GB/s
concurrent_transfers = 8
multi_part_upload_threshold = 20MB
multipart_chunksize = 50MB

[checks]
health_check = cql
enable_md5_checks = false

[logging]
enabled = 0
`;
  writeFileSync(lab.onNode('tmp/medusa.ini'), settings);
  // It puts a JVM option before the verb, which the sandbox's nodetool refuses; Medusa then reports a backup of no files
  // as done, with status 0. Only the comparison after the download shows it.
  const nodetool = `#!/bin/sh
case $1 in -D*) shift ;; esac
exec /usr/local/bin/nodetool "$@"
`;
  writeFileSync(lab.onNode('tmp/medusa.nodetool'), nodetool, { mode: 0o755 });
}
