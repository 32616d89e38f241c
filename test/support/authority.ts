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

/** An authority that lives for a day, and its certificate for a server at 127.0.0.1. */
export async function certify(directory: string): Promise<Certified> {
  const openssl = (words: string) => promisify(execFile)('openssl', words.split(' '), { cwd: directory });
  const fresh = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  const signs = '-addext keyUsage=critical,keyCertSign';
  await openssl(`req -x509 ${fresh} -days 1 -subj /CN=authority ${signs} -keyout authority.key -out authority.pem`);
  await openssl(`req ${fresh} -subj /CN=store -keyout server.key -out server.csr`);
  const extensions = ['subjectAltName=IP:127.0.0.1', 'subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid'];
  await writeFile(join(directory, 'server.ext'), extensions.join('\n'));
  const by = '-CA authority.pem -CAkey authority.key -CAcreateserial';
  await openssl(`x509 -req -in server.csr ${by} -days 1 -extfile server.ext -out server.pem`);
  return {
    certificate: join(directory, 'server.pem'),
    key: join(directory, 'server.key'),
    authority: await readFile(join(directory, 'authority.pem'), 'utf8'),
  };
}
