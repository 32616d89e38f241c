/** A pattern where `*` is any text and `?` any character, as an expression that the whole of a name has to match. */
export function globPattern(glob: string): RegExp {
  const literal = glob.replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
