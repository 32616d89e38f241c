import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { curlConfig } from '../../../../src/transfer/direct/curl-config.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

test('curl reads names with quotes, backslashes and spaces back as they are, each request with its own', async (t) => {
  const directory = await temporaryDirectory(t);
  const names = ['plain', `it's "odd" & strange`, String.raw`back\slash\n`, 'ü+%20'];
  for (const name of names) {
    await writeFile(join(directory, name), `of ${name}`);
  }
  const config = curlConfig(
    names.map((name, index) => ({
      request: { url: `file://${encodeURI(directory)}/${encodeURIComponent(name)}`, headers: { 'x-amz-a': 'b' } },
      output: join(directory, `${name}.copy`),
      writeOut: `${index} done\n`,
    })),
  );
  const printed = execFileSync('curl', ['-q', '-sS', '-K', '-'], { input: config }).toString();
  assert.equal(printed, names.map((_, index) => `${index} done\n`).join(''));
  for (const name of names) {
    assert.equal(await readFile(join(directory, `${name}.copy`), 'utf8'), `of ${name}`);
  }
});
