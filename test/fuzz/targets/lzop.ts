import assert from 'node:assert/strict';
import { crc32 } from '../../../src/codec/crc32.ts';
import { openLzo1x } from '../../../src/codec/lzo/lzo1x.ts';
import { openLzoPool } from '../../../src/codec/lzo/pool.ts';
import { lzopDecode } from '../../../src/codec/lzop/decode.ts';
import { type ContainerSummary, ContainerFollower } from '../../../src/codec/lzop/follow.ts';
import { collect } from '../../support/lzop.ts';
import { never } from '../../support/never.ts';
import { inPieces } from '../answering.ts';
import { type Target, isOwn } from '../target.ts';

const pool = openLzoPool({ threads: 1 });
const lzo1x = openLzo1x();
const plain = Buffer.alloc(4096);

/** What watches a container and what decodes it agree on it, and so do they however it is cut. */
export const lzopTargets: readonly Target[] = [
  {
    name: 'lzop',
    corpus: [],
    check: async (bytes) => {
      const whole = followed([bytes]);
      const cut = followed([bytes.subarray(0, 10), bytes.subarray(10, 35), bytes.subarray(35)]);
      assert.deepEqual(cut, whole);
      const decoded = await collect(lzopDecode(inPieces(bytes), { pool }, never)).catch(refusal);
      if (Buffer.isBuffer(decoded)) {
        assert.equal(whole?.plainBytes, decoded.length);
        assert.ok(whole.plainCrc32 === undefined || whole.plainCrc32 === crc32(decoded));
        assert.equal(whole.storedCrc32, crc32(bytes));
      }
    },
  },
  {
    name: 'lzo-block',
    corpus: [],
    check: (bytes) => {
      // Any bytes are a block or none, and nothing else.
      assert.equal(typeof lzo1x.decompress(bytes.subarray(0, 200_000), plain), 'boolean');
      const block = bytes.subarray(0, 200_000);
      const target = Buffer.alloc(block.length);
      assert.ok(lzo1x.decompress(Uint8Array.from(lzo1x.compress(block)), target));
      assert.ok(target.equals(block));
    },
  },
];

function followed(chunks: readonly Uint8Array[]): ContainerSummary | undefined {
  const follower = new ContainerFollower();
  try {
    for (const chunk of chunks) {
      follower.push(chunk);
    }
    return follower.end();
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): undefined {
  if (!isOwn(error)) {
    throw error;
  }
}
