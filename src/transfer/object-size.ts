/** An upper bound of what an object can grow to: a block that does not shrink is stored, with its header. */
export function atMost(bytes: number): number {
  return bytes + Math.ceil(bytes / 262_144) * 32 + 4096;
}
