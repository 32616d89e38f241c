import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfigFile, refuseUnknownSettings, withSettings } from '../../../src/cli/settings.ts';
import { formatMoment, isBackupId, parseMoment } from '../../../src/model/backup/backup-id.ts';
import { quote } from '../../../src/model/node/shell-text.ts';
import { parseLocation } from '../../../src/model/options/location.ts';
import { parsePerDatacenter } from '../../../src/model/options/per-datacenter.ts';
import { selectTables, tableFilter } from '../../../src/model/options/table-filter.ts';
import { ageText, momentBefore, parseAge, parseDuration, spanText } from '../../../src/model/options/time-span.ts';
import { parseRenames } from '../../../src/model/restore/table-copy.ts';
import { compareTokens } from '../../../src/model/ring/ring.ts';
import { datacenterMapping } from '../../../src/model/schema/replication.ts';
import {
  dataPathFor,
  essentialPaths,
  formatComponentName,
  parseComponentName,
  parseTableDirectory,
  tableDirectory,
  tableIdOf,
  uuidOf,
} from '../../../src/model/sstable.ts';
import { mapLines, parseNodeMap } from '../../../src/model/target/node-map.ts';
import { hostPrefixOf, isHostSegment, placeOf } from '../../../src/storage/keys.ts';
import { assertKey } from '../../../src/storage/object-store.ts';
import { tableOf } from '../../support/manifests.ts';
import { type Target, assertSound, each } from '../target.ts';

const directory = mkdtempSync(join(tmpdir(), 'sstash-fuzz-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const tables = [tableOf('shop', 'users'), tableOf('shop', `${'a'.repeat(2_000)}b`, 2), tableOf('crm', 'orders', 3)];
const now = new Date('2026-11-29T12:00:00Z');
const lines = (bytes: Buffer): readonly string[] => bytes.toString('utf8').split('\n').slice(0, 30);

export const wordTargets: readonly Target[] = [
  {
    name: 'settings',
    corpus: [],
    // The YAML library is slower than its input is long: 128 KiB of some texts take it more than twenty seconds.
    longBytes: 1 << 14,
    check: (bytes) => {
      const path = join(directory, 'sstash.yml');
      writeFileSync(path, bytes, { mode: 0o600 });
      const settings = readConfigFile(path);
      refuseUnknownSettings(settings, new Set(Object.keys(settings)));
      withSettings({ location: { type: 'string' }, jobs: { type: 'number' } }, {}, settings);
    },
  },
  {
    name: 'names',
    corpus: [],
    check: (bytes) => each(...lines(bytes).flatMap((line) => [() => component(line), () => keyed(line), () => shell(line)])),
  },
  {
    name: 'options',
    corpus: [],
    check: (bytes) =>
      each(
        ...lines(bytes).flatMap((line) => [
          () => assert.equal(ageText(parseAge(line)).replace(/^0+/, ''), line.replace(/^0+/, '')),
          () => assertSound(momentBefore(now, parseAge(line))),
          () => assertSound(parseDuration(line)),
          () => spanText(parseDuration(line)),
          () => assertSound(parseMoment(line)),
          () => assert.ok(isBackupId(formatMoment(line, now))),
          () => parseLocation(line),
          () => parsePerDatacenter('jobs', line.split(',')),
          () => tableFilter([line]).includes('shop', tables[1]?.table ?? ''),
          () => selectTables(tables, tableFilter([line])),
          () => parseRenames([line]),
          () => parseNodeMap([line]),
          () => datacenterMapping([line]),
        ]),
        () => parseNodeMap(mapLines(bytes.toString('utf8'))),
        () => tableFilter(lines(bytes)).includes('shop', 'users'),
      ),
  },
];

function component(line: string): void {
  const name = parseComponentName(line);
  if (name !== undefined) {
    assert.equal(formatComponentName(name), line);
    assert.ok(dataPathFor(line)?.endsWith('-Data.db'));
  }
  essentialPaths('nb-1-big-TOC.txt', line);
  const table = parseTableDirectory('shop', line);
  if (table !== undefined) {
    assert.equal(tableDirectory(table), `shop/${line}`);
    assert.equal(tableIdOf(uuidOf(table.id)), table.id);
  }
}

function keyed(line: string): void {
  placeOf(line);
  hostPrefixOf(line);
  isHostSegment(line);
  isBackupId(line);
  compareTokens(line, '1');
  assertKey(line);
}

/** What is quoted is one word, whatever is in it. */
function shell(line: string): void {
  const quoted = quote(line);
  assert.equal(quoted.startsWith("'") ? quoted.slice(1, -1).replaceAll(String.raw`'\''`, "'") : quoted, line);
}
