/** What was done, what was injected, and what was wrong. */
export class Diary {
  readonly lines: string[] = [];
  readonly faults: string[] = [];
  readonly #injected = new Map<string, { times: number; commands: number }>();
  readonly #counts = new Map<string, number>();
  readonly #hear: (line: string) => void;
  readonly #begunMs: number = Date.now();

  constructor(hear: (line: string) => void) {
    this.#hear = hear;
  }

  note(text: string): void {
    const line = `${((Date.now() - this.#begunMs) / 1000).toFixed(0).padStart(5)} s  ${text}`;
    this.lines.push(line);
    this.#hear(line);
  }

  wrong(text: string): void {
    this.faults.push(text);
    this.note(`WRONG: ${text}`);
  }

  injected(kind: string, times: number): void {
    const { times: before, commands } = this.#injected.get(kind) ?? { times: 0, commands: 0 };
    this.#injected.set(kind, { times: before + times, commands: commands + (times > 0 ? 1 : 0) });
  }

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  /** A line for each kind of fault, and one for each thing that was done. */
  get totals(): readonly string[] {
    return [
      ...[...this.#injected].map(([kind, { times, commands }]) => `injected: ${kind}: ${times}, in ${commands} commands`),
      ...[...this.#counts].map(([what, times]) => `done: ${what}: ${times}`),
    ].toSorted();
  }
}
