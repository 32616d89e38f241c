/**
 * What stands in /proc/net/tcp and tcp6 of a socket that a client of this address reaches, as alternatives of a regular expression: the
 * address itself, and the wildcards. The kernel writes words of 32 bits in the byte order of the machine, which is not known here; both
 * stand for one. Whatever is no IPv4 address may be any: only the node knows what a name means there.
 */
export function portAddresses(address: string): string {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (bytes === undefined || bytes.some((byte) => byte > 255)) {
    return '[0-9A-F]+';
  }
  const words = [bytes, bytes.toReversed()].map((each) => Buffer.from(each).toString('hex').toUpperCase());
  const mapped = words.flatMap((word) => ['0000FFFF', 'FFFF0000'].map((mark) => `${'0'.repeat(16)}${mark}${word}`));
  return [...new Set([...words, ...mapped]), '0+'].join('|');
}
