import { readFileSync } from 'node:fs';

/** The version in package.json, which lies two directories up both in `src` and in `dist`. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const match = /"version": "([^"]+)"/.exec(text);
  return match?.[1] ?? 'unknown';
}
