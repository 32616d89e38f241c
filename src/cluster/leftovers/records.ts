/** Records with a NUL after each, fields with a tab between. */
export function recordsOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => record.split('\t'));
}

/** What is no number that a node could mean counts for nothing. */
export function numberOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
