import { MultiBar, type SingleBar } from 'cli-progress';
import { sizeText } from '../model/size.ts';
import { visibleInLine } from '../model/visible.ts';

/** What the bar of a node shows. */
export interface BarRow {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly state: string;
}

/** A bar for each node at the foot of a terminal. */
export interface Bars {
  readonly draw: (host: string, row: BarRow) => void;
  /** Shows a whole line above the bars, with its line end. */
  readonly line: (text: string) => void;
  /** Draws a last time and then no more, and gives the terminal back, until the next `draw`. */
  readonly rest: () => void;
}

/** Bars on a terminal, which is drawn on ten times a second as long as there are any. */
export function openBars(out: NodeJS.WriteStream): Bars {
  let drawn: { readonly all: MultiBar; readonly ofHost: Map<string, SingleBar> } | undefined;
  return {
    draw: (host, row) => {
      drawn ??= { all: newBars(out), ofHost: new Map() };
      const payload = payloadOf(host, row);
      const total = Math.max(1, row.totalBytes);
      const bar = drawn.ofHost.get(host) ?? drawn.all.create(total, 0, payload);
      drawn.ofHost.set(host, bar);
      bar.setTotal(total);
      bar.update(row.bytes, payload);
    },
    line: (text) => {
      // What bars are given to show they show at their next drawing, and cut off where the terminal ends unless it is told to wrap.
      if (drawn === undefined) {
        out.write(text);
      } else {
        drawn.all.log(`${wraps}${text}${cuts}`);
      }
    },
    rest: () => {
      // The last drawing, that of `stop`, leaves out the lines since the one before.
      drawn?.all.update();
      drawn?.all.stop();
      drawn = undefined;
    },
  };
}

const wraps = '\u001b[?7h';
const cuts = '\u001b[?7l';

function newBars(out: NodeJS.WriteStream): MultiBar {
  return new MultiBar({
    stream: out,
    hideCursor: true,
    clearOnComplete: false,
    forceRedraw: true,
    // An interrupt is not the end: what is undone or brought to its end after it is shown too.
    gracefulExit: false,
    format: '{host} {bar} {percentage}% | {size} of {totalSize} | {files}/{totalFiles} files | {state}',
    barsize: 24,
  });
}

function payloadOf(host: string, { files, totalFiles, bytes, totalBytes, state }: BarRow) {
  return {
    host: visibleInLine(host).padEnd(15),
    size: sizeText(bytes),
    totalSize: sizeText(totalBytes),
    files,
    totalFiles,
    state,
  };
}
