import { visibleInLine } from '../visible.ts';
import type { Owner } from '../lock.ts';

/** Who has a node for himself, as the node's lock file says it. */
export interface NodeHolder {
  /** Random text that tells one run from the next. */
  readonly token: string;
  readonly owner: Owner;
  /** What he does, such as `restore of backup 20261121T031500Z by import`. */
  readonly operation: string;
  /** When he began, ISO 8601 UTC by his own clock: to be read, and to be compared with nothing. */
  readonly since: string;
}

/** One line without its end. */
export function holderLine({ token, owner: { host, pid, user }, operation, since }: NodeHolder): string {
  return [token, host, String(pid), user, since, operation].map((word) => visibleInLine(word)).join('\t');
}

/** How a holder is spoken of, by the line that stands in the lock file; whoever owns the file may have written anything there. */
export function holderOf(line: string): string {
  const [, host = '', pid = '', user = '', since = '', operation = ''] = line.slice(0, longest).split('\t');
  return operation === ''
    ? 'somebody who has not said who he is'
    : visibleInLine(`${operation}, by ${user}@${host} (pid ${pid}) since ${since.replace(/\.\d+Z$/, 'Z')}`);
}

/** Whether a line of a lock file is that of this run. */
export function isLineOf(line: string, { token }: NodeHolder): boolean {
  return line.startsWith(`${token}\t`);
}

const longest = 1000;
