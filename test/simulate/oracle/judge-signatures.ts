import type { Bucket } from '../store/bucket.ts';
import { isSignedBy } from './manifest-keys.ts';
import { committedBackups, nodeManifests, sha256Of, type StoredBackup } from './stored-backups.ts';

export interface SigningRules {
  readonly base: string;
  /** Whether a process was given a key to sign with. */
  readonly signs: (who: string) => boolean;
}

/** What is wrong with signatures: of each signed backup by docs/format.md, and of those that should have one. */
export function judgeSignatures(bucket: Bucket, { base, signs }: SigningRules): readonly string[] {
  return committedBackups(bucket, base).flatMap((backup) => {
    const key = `${backup.prefix}manifest.json`;
    const first = bucket.deeds.findLast(({ entry }, index) => entry !== undefined && isFirst(bucket, key, index));
    if (backup.manifest.signed === undefined) {
      return first !== undefined && signs(first.by) ? [`${key} was committed with a key, and is not signed`] : [];
    }
    return faultsOf(bucket, base, backup);
  });
}

/** Whether a deed put the manifest where there was none. */
function isFirst({ deeds }: Bucket, key: string, index: number): boolean {
  const before = deeds.slice(0, index).findLast((deed) => deed.key === key);
  return deeds[index]?.key === key && before?.verb !== 'put';
}

function faultsOf(bucket: Bucket, base: string, backup: StoredBackup): readonly string[] {
  const { prefix, manifest } = backup;
  const { signed } = manifest;
  const name = prefix.slice(base.length + 1);
  const bytes = bucket.get(`${prefix}manifest.json`)?.bytes ?? Buffer.of();
  const body = bytes.subarray(0, bytes.byteLength - 72);
  const faults =
    signed !== undefined && isSignedBy(signed.keyId, signed.hmac, `${name}manifest.json`, body)
      ? []
      : [`${prefix}manifest.json has a wrong signature`];
  const named = ['ring', 'ring.json', 'schema.cql', ...manifest.nodes.map(({ host }) => `${host}/manifest.json.gz`)];
  const changed = named.filter((each) => {
    const object = bucket.get(`${prefix}${each}`)?.bytes;
    return object === undefined || signed?.objects[each]?.includes(sha256Of(object)) !== true;
  });
  const bare = nodeManifests(bucket, backup)
    .flatMap(({ tables }) => tables.flatMap(({ files }) => files))
    .filter(({ storedSha256 }) => storedSha256 === undefined);
  return [
    ...faults,
    ...changed.map((each) => `${prefix}${each} is not what the signature vouches for`),
    ...bare.map(({ key }) => `${key} of a signed backup has no SHA-256`),
  ];
}
