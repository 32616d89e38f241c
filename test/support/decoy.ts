import { onHost } from './sandbox.ts';

/**
 * A process of `nobody` on a host of the sandbox that is called like the server, with a configuration of its own: whoever asks it is
 * led to that user's directories. Gives the place of that configuration; the process is gone when `work` has ended.
 */
export async function withDecoy<Result>(host: string, work: (place: string) => Promise<Result>): Promise<Result> {
  const { place, end } = await startDecoy(host);
  try {
    return await work(place);
  } finally {
    await end();
  }
}

/** The same, until it is ended. */
export async function startDecoy(host: string): Promise<{ readonly place: string; readonly end: () => Promise<void> }> {
  const place = '/var/tmp/of nobody';
  const words = `-cp /etc/cassandra -Dcassandra.config=file:"${place}/cassandra.yaml" -Dcassandra.storagedir="${place}" -Dcassandra.logdir="${place}"`;
  const pid = await onHost(
    host,
    `set -e; rm -rf '${place}'; mkdir -p '${place}/data'
    sed 's|^data_file_directories:.*|data_file_directories: ["${place}/data"]|' /etc/cassandra/cassandra.yaml >'${place}/cassandra.yaml'
    chown -R nobody '${place}'
    cd /; setsid setpriv --reuid nobody --clear-groups sh -c 'while :; do sleep 1; done' sh ${words} org.apache.cassandra.service.CassandraDaemon </dev/null >/dev/null 2>&1 &
    echo $!`,
  );
  return {
    place,
    end: async () => {
      await onHost(host, `kill -9 ${pid.trim()}; rm -rf '${place}'`);
    },
  };
}
