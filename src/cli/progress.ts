import chalk from 'chalk';
import type { Event, Listen } from '../model/events.ts';
import { sizeText } from '../model/size.ts';
import { visibleIndented } from '../model/visible.ts';
import { openBars, type BarRow } from './bars.ts';

/** Draws what an operation says of itself: bars per node on a terminal, plain lines elsewhere. */
export interface Progress {
  readonly listen: Listen;
  /** A line that is shown even where only failures are wanted. */
  readonly say: (text: string) => void;
  /** Leaves the terminal to a question, and its answer. */
  readonly aside: <Answer>(ask: () => Promise<Answer>) => Promise<Answer>;
  readonly close: () => void;
}

type NodeRow = { -readonly [Field in keyof BarRow]: BarRow[Field] };

/** The time between two plain lines of the same node. */
const plainIntervalMs = 10_000;

/** `quiet` leaves warnings and failures only. */
export function openProgress(out: NodeJS.WriteStream, quiet: boolean): Progress {
  const rows = new Map<string, NodeRow>();
  const bars = out.isTTY && !quiet ? openBars(out) : undefined;
  // What others say gets no line of its own, no colour and no movement; ours is put round it afterwards.
  const line = (text: string, paint: (plain: string) => string = (plain) => plain) => {
    const shown = `${paint(visibleIndented(text))}\n`;
    return bars === undefined ? out.write(shown) : bars.line(shown);
  };
  // Not while a question is open, nor after the end: what is drawn once is drawn ten times a second until it is told to rest.
  let mayDraw = true;
  const rest = () => bars?.rest();
  // Who leaves at once leaves the terminal its cursor all the same.
  process.once('exit', rest);
  const timer = bars === undefined && !quiet ? setInterval(() => plainLines(rows, line), plainIntervalMs).unref() : undefined;

  const listen = (event: Event): void => {
    if (event.type === 'warning') {
      line(`warning: ${event.text}`, chalk.yellow);
    } else if (event.type === 'node' && event.state === 'failed') {
      row(rows, event.host).state = 'failed';
      line(`${event.host}: failed: ${event.detail ?? ''}`, chalk.red);
    } else if (quiet) {
      return;
    } else if (event.type === 'step' || event.type === 'waiting') {
      line(event.text, (text) => `${chalk.dim(clock())} ${text}`);
    } else {
      const node = row(rows, event.host);
      follow(node, event);
      if (mayDraw) {
        bars?.draw(event.host, node);
      }
      if (bars === undefined && event.type === 'planned') {
        line(`${event.host}: ${event.files} files, ${sizeText(event.bytes)}`);
      }
    }
  };
  return {
    listen,
    say: line,
    aside: async (ask) => {
      rest();
      mayDraw = false;
      try {
        return await ask();
      } finally {
        mayDraw = true;
      }
    },
    close: () => {
      clearInterval(timer);
      process.off('exit', rest);
      mayDraw = false;
      rest();
    },
  };
}

function follow(node: NodeRow, event: Exclude<Event, { type: 'step' | 'warning' | 'waiting' }>): void {
  switch (event.type) {
    case 'node':
      node.state = event.state;
      break;
    case 'planned':
      node.totalFiles += event.files;
      node.totalBytes += event.bytes;
      break;
    case 'transferred':
      node.files += event.files;
      node.bytes += event.bytes;
      break;
  }
}

function plainLines(rows: ReadonlyMap<string, NodeRow>, line: (text: string) => void): void {
  for (const [host, node] of rows) {
    if (node.state === 'transfer') {
      line(`${host}: ${sizeText(node.bytes)} of ${sizeText(node.totalBytes)}, ${node.files} of ${node.totalFiles} files`);
    }
  }
}

function row(rows: Map<string, NodeRow>, host: string): NodeRow {
  const known = rows.get(host);
  if (known !== undefined) {
    return known;
  }
  const fresh: NodeRow = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0, state: 'waiting' };
  rows.set(host, fresh);
  return fresh;
}

function clock(): string {
  return new Date().toISOString().slice(11, 19);
}
