/** The host in memory of the simulator is held to real ones: whatever the product runs on a node does the same on both. */
import { test } from 'node:test';
import { filesCases } from './simulated-host/files-cases.ts';
import { placingCases } from './simulated-host/placing-cases.ts';
import { shellTexts } from './simulated-host/shell-texts.ts';
import { Twin } from './simulated-host/twin.ts';

for (const [title, text] of Object.entries(shellTexts)) {
  test(`shell: ${title}`, async (t) => {
    const twin = new Twin(t);
    twin.file('a file', 'one\ntwo\n');
    twin.file('sub/.hidden', 'x');
    twin.file("sub/it's", '');
    twin.link('sub', 'link');
    await twin.script(text, [twin.root, 'two words', '']);
  });
}

for (const [room, cases] of Object.entries({ files: filesCases, placing: placingCases })) {
  for (const [title, run] of Object.entries(cases)) {
    test(`${room}: ${title}`, async (t) => {
      await run(new Twin(t));
    });
  }
}
