/** Bytes as people read them: 1.4 GiB. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const step = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${step === 0 ? bytes : (bytes / 1024 ** step).toFixed(1)} ${units[step] ?? 'B'}`;
}

/** A share in percent as people read it: nothing and everything are said only where they are meant. */
export function percentText(percent: number): string {
  const near = percent > 0 && percent < 0.1 ? '< 0.1' : percent > 99.9 && percent < 100 ? '> 99.9' : undefined;
  return `${near ?? percent.toFixed(1).replace(/\.0$/, '')} %`;
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** `a, b, c and 4 more`: names as people read them, who find all of them elsewhere if they need them. */
export function firstOf(names: readonly string[], most: number, between = ', '): string {
  const shown = names.slice(0, most).join(between);
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
