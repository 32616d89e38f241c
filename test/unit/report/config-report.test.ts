import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configText } from '../../../src/report/config-report.ts';

const nodes = [
  { host: 'new1', source: 'old1', tokens: ['1', '2'], settings: "initial_token: '1,2'\n" },
  { host: 'n2', source: 'n2', tokens: ['3'], settings: "initial_token: '3'\n" },
];

test('settings that were written are named, with what comes next; the others are printed as they are', () => {
  const written = configText({ backup: 's1', nodes: nodes.map((node) => ({ ...node, file: `/yaml/${node.host}.yaml` })) });
  assert.match(written, /^new1 +old1 +2 +\/yaml\/new1\.yaml$/m);
  assert.match(written, /^n2 +1 +\/yaml\/n2\.yaml$/m);
  assert.match(written, /^ {2}sstash restore s1 --hosts new1,n2 --method import$/m);
  assert.equal(
    configText({ backup: 's1', nodes }),
    "# ---- new1.yaml\ninitial_token: '1,2'\n\n# ---- n2.yaml\ninitial_token: '3'\n",
  );
});
