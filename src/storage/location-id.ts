import { createHash } from 'node:crypto';

/**
 * Eight hexadecimal digits that tell a location from every other, the first of them a letter, so that no date looks like them. In the
 * tags of snapshots: two locations can have backups of one name. The specification is docs/format.md.
 */
export function locationId(identity: string): string {
  const digest = createHash('sha256').update(identity).digest('hex');
  return /[a-f][0-9a-f]{7}/.exec(digest)?.[0] ?? 'a0000000';
}

/**
 * What a bucket and a path in it are the only one with: two servers can have buckets of one name, of AWS's own no two have, by
 * whatever endpoint it is reached. `endpoint` is where requests for the bucket go.
 */
export function bucketIdentity(url: string, bucket: string, endpoint: URL): string {
  const host = endpoint.host.startsWith(`${bucket}.`) ? endpoint.host.slice(bucket.length + 1) : endpoint.host;
  return /\.amazonaws\.com(\.cn)?$/.test(endpoint.hostname) ? url : `${url} at ${host}`;
}
