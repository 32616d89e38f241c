import { X509Certificate } from 'node:crypto';
import type { Arguments } from '../../cli/arguments.ts';
import { readGuarded } from '../../cli/guarded-file.ts';
import { messageOf, UsageError } from '../../model/errors.ts';
import { filePath } from '../options.ts';

/**
 * The certificates in the file that `--ca-file` names, and nothing else of it: they travel to the nodes, which a key beside them
 * must not. Throws UsageError for a file that cannot be read or has none.
 */
export function authoritiesOf(args: Arguments): string | undefined {
  const file = filePath(args, 'ca-file');
  return file === undefined ? undefined : certificatesIn(file);
}

function certificatesIn(file: string): string {
  const { text } = readGuarded(file, { what: '--ca-file' });
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) {
    throw new UsageError(`--ca-file ${file} holds no certificate`, { hint: 'it must be PEM: -----BEGIN CERTIFICATE-----' });
  }
  try {
    return certificates.map((certificate) => new X509Certificate(certificate).toString()).join('');
  } catch (cause) {
    throw new UsageError(`--ca-file ${file} holds a certificate that cannot be read: ${messageOf(cause)}`, { cause });
  }
}
