import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What a server on loopback needs for TLS, and what its clients need to trust it. */
export interface Certified {
  /** Files. */
  readonly certificate: string;
  readonly key: string;
  /** The certificate (PEM) of the authority, which nobody knows. */
  readonly authority: string;
}

const openssl = promisify(execFile);

/** An authority that lives for a day, and its certificate for a server at 127.0.0.1. */
export async function certify(directory: string): Promise<Certified> {
  const [authority = '', authorityKey = '', certificate = '', key = '', request = '', extensions = ''] = [
    'authority.pem',
    'authority.key',
    'server.pem',
    'server.key',
    'server.csr',
    'server.ext',
  ].map((name) => join(directory, name));
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const signs = ['-addext', 'keyUsage=critical,keyCertSign'];
  await openssl('openssl', [
    ...['req', '-x509', ...fresh, '-days', '1', '-subj', '/CN=sstash test authority', ...signs],
    ...['-keyout', authorityKey, '-out', authority],
  ]);
  await openssl('openssl', ['req', ...fresh, '-subj', '/CN=store', '-keyout', key, '-out', request]);
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n');
  await openssl('openssl', [
    ...['x509', '-req', '-in', request, '-CA', authority, '-CAkey', authorityKey, '-CAcreateserial'],
    ...['-days', '1', '-extfile', extensions, '-out', certificate],
  ]);
  return { certificate, key, authority: await readFile(authority, 'utf8') };
}
