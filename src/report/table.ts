/** Rows under headings, columns padded to the widest; numbers are right-aligned by a heading that begins with `>`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(plain(heading).length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        (headings[column] ?? '').startsWith('>') ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(headings.map(plain)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

function plain(heading: string): string {
  return heading.startsWith('>') ? heading.slice(1) : heading;
}
