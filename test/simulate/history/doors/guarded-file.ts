import { UsageError } from '../../../../src/model/errors.ts';
import { keyBytes } from '../../oracle/manifest-keys.ts';

/** Stands for `cli/guarded-file.ts`: the files that operators have on their hosts, which are keys. */

export function readGuarded(path: string): never {
  throw new UsageError(`no operator has a file ${path}`);
}

export function readGuardedBytes(path: string): { readonly bytes: Uint8Array; readonly mode: number } {
  const bytes = keyBytes(path);
  if (bytes === undefined) {
    throw new UsageError(`no operator has a file ${path}`);
  }
  return { bytes, mode: 0o600 };
}
