import { ranTexts, type Twin } from './twin.ts';

interface Process {
  readonly pid: number;
  readonly words: readonly string[];
  readonly uid?: number;
  /** Clock ticks from the host's start to its own. */
  readonly began?: number;
  /** What its descriptors lead to. */
  readonly open?: readonly string[];
}

/** A /proc of files, which both hosts have in the same place: that of this machine has whatever runs on it. */
export function procOf(twin: Twin, processes: readonly Process[], sockets: readonly string[] = []): string {
  const proc = twin.dir('proc');
  for (const { pid, words, uid = 0, began = 100, open = [] } of processes) {
    const stat = (id: number): string => `${id} (java (x) y) S 1 ${pid} ${pid} 0 -1 ${'0 '.repeat(13)}${began} 0 0\n`;
    twin.file(`proc/${pid}/cmdline`, words.map((word) => `${word}\0`).join(''));
    twin.file(`proc/${pid}/status`, `Name:\tjava\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    twin.file(`proc/${pid}/stat`, stat(pid));
    twin.file(`proc/${pid}/task/${pid}/stat`, stat(pid));
    twin.file(`proc/${pid}/task/${pid + 1}/stat`, stat(pid + 1));
    twin.dir(`proc/${pid}/fd`);
    for (const [index, path] of open.entries()) {
      twin.link(path, `proc/${pid}/fd/${index}`);
    }
  }
  twin.file('proc/self/stat', `9 (sh) S 1 9 9 0 -1 ${'0 '.repeat(13)}500000 0 0\n`);
  if (sockets.length > 0) {
    twin.file(
      'proc/net/tcp',
      ['  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid', ...sockets, ''].join('\n'),
    );
  }
  return proc;
}

/** The script looks at that one. */
export function at(twin: Twin, text: string): string {
  ranTexts.add(text);
  return text.replaceAll('/proc', `${twin.root}/proc`);
}
