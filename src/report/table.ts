import { visibleInLine } from '../model/visible.ts';

/**
 * Rows under headings, columns padded to the widest; numbers are right-aligned by a heading that begins with `>`. A cell is in one line,
 * whatever it holds: with a line of its own it could pass for another row, or for the verdict below.
 */
export function table(headings: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(visibleInLine));
  const widths = headings.map((heading, column) =>
    Math.max(plain(heading).length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
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
