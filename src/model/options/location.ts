import { UsageError } from '../errors.ts';

/** Where backups lie. `base` has no slash at either end and may be empty. */
export type Location =
  | { readonly kind: 's3'; readonly bucket: string; readonly base: string }
  | { readonly kind: 'directory'; readonly path: string };

/** Reads `s3://bucket/base`, `file:///backups` or an absolute path. Throws UsageError for anything else. */
export function parseLocation(text: string): Location {
  if (/^[a-z0-9]+:\/\/[^/]*@/i.test(text)) {
    // What stands before it may be a secret key, and a location is printed.
    throw new UsageError('a location holds no credentials', {
      hint: 'write s3://bucket/base-path; keys belong into a profile or the environment',
    });
  }
  const s3 = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(text);
  if (s3?.[1] !== undefined) {
    return { kind: 's3', bucket: bucketName(s3[1], text), base: basePath(s3[2] ?? '', text) };
  }
  if (text.startsWith('file://')) {
    const path = text.slice('file://'.length);
    if (!path.startsWith('/')) {
      throw new UsageError(`${text} is not a location`, { hint: 'a directory is written file:///absolute/path' });
    }
    return { kind: 'directory', path };
  }
  if (text.startsWith('/')) {
    return { kind: 'directory', path: text };
  }
  throw new UsageError(`${text} is not a location`, { hint: 'write s3://bucket/base-path or file:///absolute/path' });
}

function bucketName(name: string, whole: string): string {
  // The rules of names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html (old buckets may hold
  // upper case and _)
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(name)) {
    throw new UsageError(`${name} in ${whole} is not a bucket name`);
  }
  return name;
}

function basePath(path: string, whole: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw new UsageError(`the base path of ${whole} must not hold . or ..`);
  }
  return segments.join('/');
}
