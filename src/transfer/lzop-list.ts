/** From `lzop -l`: method, compressed, plain, ratio, name; heads and totals have no method. */
export function plainSizes(lines: readonly string[]): readonly number[] {
  return lines.flatMap((line) => {
    const [, bytes] = /^LZO\S+ +\d+ +(\d+) /.exec(line) ?? [];
    return bytes === undefined ? [] : [Number(bytes)];
  });
}
