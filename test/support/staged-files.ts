import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Remote } from '../../src/cluster/remote.ts';
import {
  lookAtStaging,
  makeStaging,
  readyStaging,
  type Staging,
  type StagingRequest,
} from '../../src/cluster/placing/staging.ts';
import { never } from './never.ts';

/** A staging directory as a restore gets it, with all that was there of another one cleared; or as a look finds it. */
export async function stagingOf(files: Remote, request: StagingRequest, make: boolean): Promise<Staging> {
  if (!make) {
    return lookAtStaging(files, request, never);
  }
  await makeStaging(files, request, never);
  return readyStaging(files, request, { agreed: true }, never);
}

/** What a plan says of files that lie below a directory, which need not be there. */
export function filesBelow(directory: string): readonly { readonly path: string; readonly bytes: number }[] {
  const entries = existsSync(directory) ? readdirSync(directory, { recursive: true, withFileTypes: true }) : [];
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => ({ path: path.slice(directory.length + 1), bytes: statSync(path).size }));
}
