import { createHash } from 'node:crypto';
import type { VirtualTime } from '../clock/time.ts';

/** What happened, in lines that people read. */
export class Journal {
  readonly #time: VirtualTime;
  readonly #lines: string[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  note(who: string, text: string): void {
    this.#lines.push(`${clockText(this.#time.nowMs)} ${who}: ${text}`);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Two runs of one history have the same. */
  get digest(): string {
    return createHash('sha256').update(this.#lines.join('\n')).digest('hex');
  }
}

/** Days, hours, minutes, seconds and milliseconds since the beginning. */
function clockText(ms: number): string {
  const text = new Date(Math.floor(ms)).toISOString().slice(11, 23);
  return `${Math.floor(ms / 86_400_000)}d ${text}`;
}
