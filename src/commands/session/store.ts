import type { Arguments } from '../../cli/arguments.ts';
import type { CommandContext } from '../../cli/run.ts';
import { systemClock } from '../../flow/clock.ts';
import { UsageError } from '../../model/errors.ts';
import { openDirectoryStore } from '../../storage/directory/directory.ts';
import type { Location } from '../../model/options/location.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openedPatiently, patientStore } from '../../storage/patient-store.ts';
import { openS3Store } from '../../storage/s3/s3.ts';
import { locationOf } from '../options.ts';
import { authoritiesOf } from './authorities.ts';

export async function openStore(args: Arguments, context: CommandContext, create: boolean): Promise<ObjectStore> {
  const location = locationOf(args);
  const watch = { clock: systemClock, listen: context.listen };
  const url = location.kind === 'directory' ? location.path : `s3://${location.bucket}/${location.base}`;
  const store = await openedPatiently(url, watch, () => openLocation(location, args, context, create));
  return patientStore(store, watch);
}

async function openLocation(location: Location, args: Arguments, context: CommandContext, create: boolean): Promise<ObjectStore> {
  if (location.kind === 'directory') {
    return openDirectoryStore(location.path, { create });
  }
  const { bucket, base } = location;
  const options = {
    bucket,
    base,
    region: args.optionalText('s3-bucket-region'),
    endpoint: endpointOf(args),
    authorities: authoritiesOf(args),
    pathStyle: args.optionalFlag('path-style'),
    serverSideEncryption: args.flag('s3-ssenc') ? ('AES256' as const) : undefined,
    credentials: credentialsOf(args, context),
  };
  return openS3Store(options, context.signal);
}

function endpointOf(args: Arguments): string | undefined {
  const endpoint = args.optionalText('endpoint');
  const hint = 'write its URL: --endpoint https://host:port';
  if (endpoint?.includes('@') === true || endpoint?.includes('?') === true) {
    // It goes into messages.
    throw new UsageError('--endpoint must be a host alone, without user, password or query', {
      hint: `${hint}; credentials belong into a profile or the environment`,
    });
  }
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw new UsageError(`${endpoint} is no endpoint`, { hint });
  }
  return endpoint;
}

function credentialsOf(args: Arguments, context: CommandContext) {
  const accessKeyId = args.optionalText('aws-access-key-id');
  const secretAccessKey = args.optionalText('aws-secret-access-key');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new UsageError('--aws-access-key-id and --aws-secret-access-key belong together');
  }
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    return undefined;
  }
  if (args.isOnCommandLine('aws-secret-access-key')) {
    context.listen({
      type: 'warning',
      text: 'AWS keys on the command line can be read by every user of this host; use the environment or a profile',
    });
  }
  return { accessKeyId, secretAccessKey };
}
