import { parseDocument } from 'yaml';
import { z } from 'zod';
import { BackupError, messageOf } from '../../model/errors.ts';
import { isHostName } from '../../model/node/told.ts';

// Nothing in the file is certain: keys without a value are null, and old versions had other keys.
const optionalText = z
  .string()
  .nullish()
  .transform((text) => (text === null || text === undefined || text === '' ? undefined : text));
const optionalFlag = z
  .boolean()
  .nullish()
  .transform((flag) => flag ?? undefined);

/** `cluster_name: 2026` is a number to YAML and a name to Cassandra. */
const optionalName = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((name) => (name === null || name === undefined || name === '' ? undefined : String(name)));

const fileSchema: z.ZodType<YamlConfig> = z.object({
  cluster_name: optionalName,
  workdir: optionalText,
  data_file_directories: z
    .union([z.string().transform((text) => [text]), z.array(z.string())])
    .nullish()
    .transform((list) => list ?? undefined),
  local_system_data_file_directory: optionalText,
  commitlog_directory: optionalText,
  hints_directory: optionalText,
  saved_caches_directory: optionalText,
  rpc_address: optionalText,
  broadcast_rpc_address: optionalText,
  listen_address: optionalText,
  native_transport_port: z
    .int()
    .min(0)
    .max(65_535)
    .nullish()
    .transform((port) => port ?? undefined),
  client_encryption_options: z
    .object({ enabled: optionalFlag, optional: optionalFlag })
    .nullish()
    .transform((options) => options ?? undefined),
  incremental_backups: optionalFlag,
  seed_provider: z.unknown().optional(),
  // Since 5.0 it may be a map that holds the name.
  authorizer: z
    .union([z.string(), z.object({ class_name: z.string() }).transform((map) => map.class_name)])
    .nullish()
    .catch(undefined),
});

/** What of the file is of use, under the names that it has there; undefined where it says nothing. */
export interface YamlConfig {
  readonly cluster_name: string | undefined;
  readonly workdir: string | undefined;
  readonly data_file_directories: readonly string[] | undefined;
  readonly local_system_data_file_directory: string | undefined;
  readonly commitlog_directory: string | undefined;
  readonly hints_directory: string | undefined;
  readonly saved_caches_directory: string | undefined;
  readonly rpc_address: string | undefined;
  readonly broadcast_rpc_address: string | undefined;
  readonly listen_address: string | undefined;
  readonly native_transport_port: number | undefined;
  readonly client_encryption_options:
    | { readonly enabled?: boolean | undefined; readonly optional?: boolean | undefined }
    | undefined;
  readonly incremental_backups: boolean | undefined;
  readonly seed_provider?: unknown;
  readonly authorizer?: string | null | undefined;
}

const seedProviderSchema = z.array(z.object({ parameters: z.array(z.object({ seeds: z.string() })).min(1) })).min(1);

/** `10.0.0.1,10.0.0.2:7000`; anything else names no seed that we could know. */
export function seedsOf(provider: unknown): readonly string[] {
  const [first] = seedProviderSchema.safeParse(provider).data ?? [];
  return (first?.parameters[0]?.seeds ?? '')
    .split(',')
    .map((seed) => seed.trim().replace(/^([^:]+):\d+$/, '$1'))
    .filter(isHostName);
}

/** Twice what the longest file of a release has. Its reader is busy for seconds with so much of what is no YAML. */
const mostCharacters = 262_144;

/**
 * Takes the text of cassandra.yaml or scylla.yaml apart; what the running server was `started` with wins over it. Throws BackupError for
 * what the server itself would not accept.
 */
export function parseYaml(path: string, text: string, started: Readonly<Record<string, unknown>>): YamlConfig {
  if (text.length > mostCharacters) {
    throw new BackupError(`${path} is not read: it has more than ${mostCharacters} characters, which no such file has`);
  }
  try {
    // Cassandra's reader is YAML 1.1 (`yes` is true) and lets a later key win over an earlier one of the same name.
    const document = parseDocument(text, { version: '1.1', uniqueKeys: false, logLevel: 'error' });
    if (document.errors[0] !== undefined) {
      throw document.errors[0];
    }
    const read: unknown = document.toJS() ?? {};
    return fileSchema.parse(typeof read === 'object' && !Array.isArray(read) ? { ...read, ...started } : read);
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join(', ')
        : messageOf(error);
    throw new BackupError(`${path} is not understood: ${reason.split('\n')[0] ?? ''}`, {
      cause: error,
      hint: 'is this the file that the server reads? Give another with --cassandra-conf-path',
    });
  }
}
