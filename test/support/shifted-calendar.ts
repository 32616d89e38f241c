/** Runs before a program whose calendar is to be off: what measures time by the stop watch goes on as it is. */
const shift = (milliseconds: number): string => `
const Right = Date;
globalThis.Date = class extends Right {
  constructor(...given) { if (given.length === 0) { super(Right.now() + ${milliseconds}); } else { super(...given); } }
  static now() { return Right.now() + ${milliseconds}; }
};`;

/** The variable that lets a program of Node's believe that it is so much later. */
export function calendarAhead(milliseconds: number): { readonly NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift(milliseconds))}` };
}
