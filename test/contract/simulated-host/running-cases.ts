import { evalPayloadScript, framedCommand, becomeScript, killScript } from '../../../src/cluster/ssh/command-frame.ts';
import { fromTopScript } from '../../../src/cluster/files/as-owner.ts';
import { runNicelyScript } from '../../../src/cluster/niceness.ts';
import { endWithUsScript, findProgramScript } from '../../../src/cluster/placing/table-load.ts';
import { reportStatusScript } from '../../../src/cluster/tools/run-tool.ts';
import { runDetachedScript } from '../../../src/cluster/tools/service.ts';
import { asOwnerFunctionScript } from '../../../src/model/node/owner-shell.ts';
import { startServiceScript, stopServiceScript } from '../../../src/model/restore/by-hand/restart.ts';
import { runProgramScript } from '../../../src/transfer/direct/program.ts';
import { lzop, mixture } from '../../support/lzop.ts';
import type { Cases } from './cases.ts';
import { owner, ranTexts } from './twin.ts';

export const runningCases: Cases = {
  'status, output and complaints in one answer': async (twin) => {
    await twin.script(reportStatusScript, ['sh', '-c', 'echo out; echo err >&2; printf no-end; exit 3']);
    await twin.script(reportStatusScript, ['true']);
    await twin.script(reportStatusScript, ['nothing-there', 'x']);
    await twin.script(reportStatusScript, ['cat'], { input: 'passed on\n' });
    await twin.script(reportStatusScript, ['sh', '-c', 'kill -9 $$']);
  },
  'less claim on the processor': async (twin) => {
    await twin.same(['sh', '-c', runNicelyScript, '10', 'echo', 'a  b']);
    await twin.same(['sh', '-c', runNicelyScript, '10', 'nothing-there']);
    await twin.same(['sh', '-c', runNicelyScript, '10', 'sh', '-c', 'exit 4']);
  },
  'from the top, as somebody': async (twin) => {
    await twin.script(fromTopScript, ['sh', '-c', 'pwd; id -u; echo "$@"', 'sh', "it's", '']);
    await twin.script(fromTopScript, ['pwd'], { owner: true });
    await twin.script(fromTopScript, ['nothing-there']);
    ranTexts.add(asOwnerFunctionScript);
    for (const who of [String(owner), '0', '4242', '', 'x']) {
      await twin.script(`${asOwnerFunctionScript}\n(as_owner "$1" sh -c 'id -u; id -g; id -G; pwd'); echo "$?"; owner_way "$1"`, [
        who,
      ]);
    }
  },
  detached: async (twin) => {
    await twin.script(runDetachedScript, ['echo lost; exit 0']);
    await twin.script(runDetachedScript, ['echo why >&2; exit 5'], { input: 'ignored' });
    await twin.script(runDetachedScript, ['sleep 0.3 & echo started']);
    await twin.script(runDetachedScript, ['nothing-there']);
    twin.host.programs.set('service', async (process) => {
      await process.complain(`${process.argv[1]}: unrecognized service`);
      return 1;
    });
    await twin.script(stopServiceScript, []);
    await twin.script(startServiceScript, []);
  },
  'ended with us': async (twin) => {
    await twin.script(endWithUsScript, ['sh', '-c', 'echo out; echo err >&2; exit 3']);
    await twin.script(endWithUsScript, ['cat'], { input: 'is not read' });
    await twin.script(endWithUsScript, ['nothing-there']);
    await twin.script(endWithUsScript, ['sh', '-c', 'kill -TERM $PPID; sleep 5; echo never']);
    await twin.script(findProgramScript, ['cat'], { normal: (text) => text.replace(/^.*\//, '') });
    await twin.script(findProgramScript, ['nothing-there']);
    await twin.script(runProgramScript, ['echo', 'text', '5']);
  },
  'through a login shell': async (twin) => {
    const frame = (text: string): string => text.replaceAll(/(?<=nonce) \d+ .*/g, ' process');
    ranTexts.add('becomeScript').add('killScript').add(evalPayloadScript);
    // What reads nothing ends with its channel: it has a case of its own.
    const words = ['sh', '-c', 'cat; echo "$1"', 'sh', "it's \\ ! ü\n"] as const;
    await twin.script(becomeScript(words, 'nonce', { input: true }), [], { input: 'in', normal: frame });
    await twin.same(['sh', '-c', framedCommand(words, 'nonce', { input: true })], { input: 'in', normal: frame });
    await twin.same(['sh', '-c', framedCommand(['nothing-there'], 'nonce', { input: true })], { input: 'in', normal: frame });
    const kill = (group: string, start: string): string =>
      killScript({ pid: 7, group: 7, startTime: '77' })
        .replace('/proc/7/stat', '/proc/$p/stat')
        .replace('77', start)
        .replaceAll('-7', group);
    await twin.script(
      `sleep 5 & p=$!; read -r x </proc/$p/stat; set -- \${x##*) }; s=\${20}; (${kill('-$p', '0')}); echo $?; (${kill('$p', '$s')}); echo $?; wait $p; echo $?`,
      [],
    );
  },
  'lzop on the node': async (twin) => {
    const plain = mixture(600_000);
    const unpack = 'lzop -1 -c | lzop -d -c';
    await twin.script(unpack, [], { input: plain });
    await twin.script(unpack, [], { input: '' });
    await twin.script('lzop -d -c | cksum', [], { input: await lzop(['-1', '-c'], plain) });
    await twin.script('lzop -d -c; echo $?', [], { input: await lzop(['-1', '-c'], Buffer.alloc(0)) });
  },
};
