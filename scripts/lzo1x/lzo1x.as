/**
 * LZO1X in WebAssembly: the LZO1X-1 encoder, a strict decoder, and Adler-32. AssemblyScript; built by build.sh.
 * Written from the description of the stream in the Linux kernel's documentation (Documentation/staging/lzo.rst).
 *
 * A block is a sequence of instructions. Each starts with a byte b and copies a match of `length` bytes from `distance`
 * bytes back, then 0 to 3 literals (the low two bits S of the byte before last), or it copies a run of literals:
 *
 *   b 0..15, no literals just before  run of 3 + b literals; b = 0: 18 + 255 per zero byte + the first byte that is not
 *   b 0..15, after 1..3 literals      2 bytes from (H << 2) + (b >> 2) + 1             b = 0000DDSS, H follows
 *   b 0..15, after a run of literals  3 bytes from (H << 2) + (b >> 2) + 2049          b = 0000DDSS, H follows
 *   b 16..31                          2 + L bytes from 16384 + (h << 14) + D           b = 0001hLLL, then DDDDDDDDDDDDDDSS
 *                                     (16 bits, little endian); L = 0 is continued as above from 7; D = h = 0 is the end
 *   b 32..63                          2 + L bytes from 1 + D                           b = 001LLLLL, the same; from 31
 *   b 64..255                         1 + (b >> 5) bytes from (H << 3) + DDD + 1       b = LLLDDDSS, H follows
 *
 * The first byte of a block may also be 17 + n (n > 0): a run of n literals. The end is 17 0 0.
 * "No literals just before" means S was 0; a first run of fewer than four literals counts as S.
 *
 * Memory: the dictionary lies in static memory; the host lays out everything above `heap`. A source may be read and a
 * target may be written up to 16 bytes beyond its end, so the host leaves that much behind each.
 */

const HASH_BITS: u32 = 14;
const HASH_FACTOR: u32 = 0x9e3779b1;
const SLACK: usize = 16;

const NEAR: u32 = 0x800; // farthest distance of the two-byte match
const MIDDLE: u32 = 0x4000; // farthest distance of b 32..63
const FAR: u32 = 0xbfff; // farthest distance of all

/** Where each four-byte sequence was seen last, as an offset from the start of the block. */
const dictionary: usize = memory.data(4 << 14, 16);

/** First byte that the host may use. */
export const heap: usize = __heap_base;

const INPUT_OVERRUN: i32 = -1;
const OUTPUT_OVERRUN: i32 = -2;
const LOOKBEHIND_OVERRUN: i32 = -3;
const INPUT_NOT_CONSUMED: i32 = -4;
const BAD_END: i32 = -5;

/** What is left of a length after its first byte: 255 for each zero byte, and a last byte of 1..255. */
// @ts-ignore: decorator
@inline
function storeLength(target: usize, rest: u32): usize {
  store<u8>(target++, 0);
  return storeTail(target, rest);
}

// @ts-ignore: decorator
@inline
function storeTail(target: usize, rest: u32): usize {
  while (rest > 255) {
    store<u8>(target++, 0);
    rest -= 255;
  }
  store<u8>(target++, rest);
  return target;
}

/** Literals between two matches; fewer than four ride in the S bits of the match before. */
// @ts-ignore: decorator
@inline
function storeLiterals(target: usize, start: usize, source: usize, count: u32): usize {
  if (target == start && count <= 238) store<u8>(target++, 17 + count);
  else if (count <= 3) store<u8>(target - 2, load<u8>(target - 2) | count);
  else if (count <= 18) store<u8>(target++, count - 3);
  else target = storeLength(target, count - 18);
  if (count <= <u32>SLACK) {
    store<u64>(target, load<u64>(source));
    store<u64>(target + 8, load<u64>(source + 8));
  } else {
    memory.copy(target, source, count);
  }
  return target + count;
}

// @ts-ignore: decorator
@inline
function storeMatch(target: usize, distance: u32, length: u32): usize {
  if (length <= 8 && distance <= NEAR) {
    const far = distance - 1;
    store<u8>(target, ((length - 1) << 5) | ((far & 7) << 2));
    store<u8>(target + 1, far >> 3);
    return target + 2;
  }
  let encoded: u32;
  if (distance <= MIDDLE) {
    encoded = distance - 1;
    if (length <= 33) {
      store<u8>(target++, 32 | (length - 2));
    } else {
      store<u8>(target++, 32);
      target = storeTail(target, length - 33);
    }
  } else {
    encoded = distance - MIDDLE;
    const high = (encoded >> 11) & 8;
    if (length <= 9) {
      store<u8>(target++, 16 | high | (length - 2));
    } else {
      store<u8>(target++, 16 | high);
      target = storeTail(target, length - 9);
    }
  }
  store<u16>(target, encoded << 2);
  return target + 2;
}

/** End of the stretch from `at` that equals the one from `match`. */
// @ts-ignore: decorator
@inline
function extend(at: usize, match: usize, end: usize): usize {
  while (at + 8 <= end) {
    const difference = load<u64>(at) ^ load<u64>(match);
    if (difference) return at + <usize>(ctz(difference) >> 3);
    at += 8;
    match += 8;
  }
  while (at < end && load<u8>(at) == load<u8>(match)) {
    at++;
    match++;
  }
  return at;
}

/**
 * Encodes a block; gives the number of bytes written, at most bytes + bytes / 16 + 67 (without the slack).
 * The hash has no collisions to fear: a candidate counts only if its four bytes are equal.
 */
export function compress(source: usize, bytes: u32, target: usize): u32 {
  const end = source + bytes;
  const start = target;
  let literals = source; // first byte not yet encoded
  if (bytes > 24) {
    const last = end - 20; // a match never starts in the last bytes, so loads of 16 stay near the block
    memory.fill(dictionary, 0, 4 << HASH_BITS);
    // From 4, so that the first run has four literals: fewer would need S bits of a match that is not there.
    const first = source + 4;
    let at = first;
    while (at < last) {
      const sequence = load<u32>(at);
      const slot = dictionary + (<usize>((sequence * HASH_FACTOR) >> (32 - HASH_BITS)) << 2);
      let match = source + load<u32>(slot);
      store<u32>(slot, <u32>(at - source));
      const distance = <u32>(at - match);
      if (distance > FAR || distance == 0 || load<u32>(match) != sequence) {
        at += 1 + ((at - literals) >> 5); // ever longer steps through what does not compress
        continue;
      }
      const atEnd = extend(at + 4, match + 4, end);
      while (at > literals && at > first && match > source && load<u8>(at - 1) == load<u8>(match - 1)) {
        at--;
        match--;
      }
      if (at > literals) target = storeLiterals(target, start, literals, <u32>(at - literals));
      target = storeMatch(target, distance, <u32>(atEnd - at));
      at = atEnd;
      literals = atEnd;
    }
  }
  if (end > literals) target = storeLiterals(target, start, literals, <u32>(end - literals));
  store<u8>(target, 17);
  store<u8>(target + 1, 0);
  store<u8>(target + 2, 0);
  return <u32>(target + 3 - start);
}

/**
 * Decodes a block into at most `capacity` bytes; gives the number of bytes produced, or one of the negative codes above.
 * Never reads outside source and target (and their slack), and accepts nothing but a whole block that ends with its input.
 */
export function decompress(source: usize, bytes: u32, target: usize, capacity: u32): i32 {
  const end = source + bytes;
  const limit = target + capacity;
  let from = source;
  let to = target;
  let state: u32 = 0; // literals just copied: 0..3 as in S, 4 for a run
  if (bytes < 3) return INPUT_OVERRUN;
  const first: u32 = load<u8>(from);
  if (first > 17) {
    const count = first - 17;
    from++;
    if (from + count > end) return INPUT_OVERRUN;
    if (to + count > limit) return OUTPUT_OVERRUN;
    memory.copy(to, from, count);
    from += count;
    to += count;
    state = min(count, 4);
  }
  while (true) {
    if (from >= end) return INPUT_OVERRUN;
    const b: u32 = load<u8>(from++);
    let length: u32;
    let distance: u32;
    let trailing: u32;
    if (b >= 64) {
      if (from >= end) return INPUT_OVERRUN;
      length = (b >> 5) + 1;
      distance = (<u32>load<u8>(from++) << 3) + ((b >> 2) & 7) + 1;
      trailing = b & 3;
    } else if (b >= 16) {
      const mask: u32 = b >= 32 ? 31 : 7;
      length = b & mask;
      if (length == 0) {
        length = mask;
        while (true) {
          if (from >= end) return INPUT_OVERRUN;
          const more: u32 = load<u8>(from++);
          if (more) {
            length += more;
            break;
          }
          length += 255;
          if (length > capacity) return OUTPUT_OVERRUN; // so that it cannot wrap around either
        }
      }
      length += 2;
      if (from + 2 > end) return INPUT_OVERRUN;
      const word: u32 = load<u16>(from);
      from += 2;
      trailing = word & 3;
      if (b >= 32) {
        distance = (word >> 2) + 1;
      } else {
        distance = ((b & 8) << 11) + (word >> 2);
        if (distance == 0) {
          if (b != 17 || trailing) return BAD_END;
          break;
        }
        distance += MIDDLE;
      }
    } else if (state == 0) {
      length = b;
      if (length == 0) {
        length = 15;
        while (true) {
          if (from >= end) return INPUT_OVERRUN;
          const more: u32 = load<u8>(from++);
          if (more) {
            length += more;
            break;
          }
          length += 255;
          if (length > capacity) return OUTPUT_OVERRUN;
        }
      }
      length += 3;
      if (from + length > end) return INPUT_OVERRUN;
      if (to + length > limit) return OUTPUT_OVERRUN;
      if (length <= <u32>SLACK) {
        store<u64>(to, load<u64>(from));
        store<u64>(to + 8, load<u64>(from + 8));
      } else {
        memory.copy(to, from, length);
      }
      from += length;
      to += length;
      state = 4;
      continue;
    } else {
      if (from >= end) return INPUT_OVERRUN;
      distance = (<u32>load<u8>(from++) << 2) + (b >> 2) + 1;
      length = 2;
      if (state == 4) {
        distance += NEAR;
        length = 3;
      }
      trailing = b & 3;
    }
    if (<u32>(to - target) < distance) return LOOKBEHIND_OVERRUN;
    if (to + length > limit) return OUTPUT_OVERRUN;
    const matchEnd = to + length;
    let match = to - distance;
    if (distance >= 8) {
      do {
        store<u64>(to, load<u64>(match));
        to += 8;
        match += 8;
      } while (to < matchEnd);
    } else if (distance == 1 && length >= 16) {
      memory.fill(to, load<u8>(match), length);
    } else {
      do store<u8>(to++, load<u8>(match++));
      while (to < matchEnd);
    }
    to = matchEnd;
    if (trailing) {
      if (from + trailing > end) return INPUT_OVERRUN;
      if (to + trailing > limit) return OUTPUT_OVERRUN;
      store<u32>(to, load<u32>(from));
      from += trailing;
      to += trailing;
    }
    state = trailing;
  }
  return from == end ? <i32>(to - target) : INPUT_NOT_CONSUMED;
}

/** Adler-32 (RFC 1950) continued from `seed`; 1 to begin with. Sums of 5552 bytes stay below 2^32. */
export function adler32(source: usize, bytes: u32, seed: u32): u32 {
  let a: u32 = seed & 0xffff;
  let b: u32 = seed >> 16;
  let at = source;
  while (bytes) {
    let run: u32 = min(bytes, 5552);
    bytes -= run;
    for (; run >= 8; run -= 8, at += 8) {
      const eight = load<u64>(at);
      a += <u32>(eight & 255);
      b += a;
      a += <u32>((eight >> 8) & 255);
      b += a;
      a += <u32>((eight >> 16) & 255);
      b += a;
      a += <u32>((eight >> 24) & 255);
      b += a;
      a += <u32>((eight >> 32) & 255);
      b += a;
      a += <u32>((eight >> 40) & 255);
      b += a;
      a += <u32>((eight >> 48) & 255);
      b += a;
      a += <u32>(eight >> 56);
      b += a;
    }
    for (; run; run--, at++) {
      a += load<u8>(at);
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return (b << 16) | a;
}
