/**
 * Of lines that a server wrote as warnings and errors, with the lines of their exceptions, what it said last of `subject`:
 * the message and the exception at the bottom of it. Undefined where it said nothing of that.
 */
export function complaintAbout(lines: readonly string[], subject: string): string | undefined {
  const at = lines.findLastIndex((line) => isEntry(line) && line.includes(subject));
  const entry = lines[at];
  if (entry === undefined) {
    return undefined;
  }
  const following = lines.slice(at + 1);
  const end = following.findIndex(isEntry);
  const exceptions = end === -1 ? following : following.slice(0, end);
  const cause = exceptions.at(-1)?.replace(/^(?:Caused by: )?(?:[\w$]+\.)*([\w$]+): /, '$1: ');
  // `ERROR [thread] date SSTableImporter.java:142 - [id] Failed verifying …`
  const message = entry.replace(/^.*?\s-\s(?:\[[\w-]+\] )?/, '');
  return (cause === undefined ? message : `${message}: ${cause}`).slice(0, 600);
}

/** The first line of what was logged at once; the others are of its exception. */
function isEntry(line: string): boolean {
  return (
    /^\S*\s*\[?(?:ERROR|WARN)\b/.test(line) || (/\b(?:ERROR|WARN)\b/.test(line) && /\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(line))
  );
}
