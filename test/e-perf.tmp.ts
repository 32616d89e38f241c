import { mkdirSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { listSnapshot } from '../src/cluster/snapshot.ts';
import { missingFromSnapshot } from '../src/cluster/snapshot-listing.ts';
import { localRemote } from './support/local-remote.ts';
const d = mkdtempSync('/tmp/e-perf-');
const parts = ['Data.db', 'Digest.crc32', 'Index.db', 'Filter.db', 'Statistics.db', 'Summary.db', 'TOC.txt', 'CompressionInfo.db'];
let n = 0;
for (let t = 0; t < 500; t++) {
  const base = `${d}/ks${t % 10}/table_number_${t}-${String(t).padStart(32, '0')}`;
  for (const dir of ['', '/snapshots/T', '/snapshots/U']) {
    mkdirSync(base + dir, { recursive: true });
    const files: string[] = [];
    for (let g = 0; g < 25; g++) for (const p of parts) { writeFileSync(`${base}${dir}/nb-${g}-big-${p}`, p.startsWith('Digest') ? String(n) : 'x'); n++; }
    for (let g = 0; g < 25; g++) files.push(`nb-${g}-big-Data.db`);
    if (dir) { writeFileSync(`${base}${dir}/manifest.json`, JSON.stringify({ files })); writeFileSync(`${base}${dir}/schema.cql`, 'CREATE'); }
  }
}
const s = Date.now();
const l = await listSnapshot(localRemote(), [d], 'T');
console.log(Date.now() - s, 'ms', l.components.length, l.digests.size, l.tables.length, Math.round(process.memoryUsage().rss / 1e6), 'MB', missingFromSnapshot(l, []).length, Date.now() - s);
rmSync(d, { recursive: true });
