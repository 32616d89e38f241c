/**
 * How far a node is with putting restored files in the place of live ones, as its journal says. Forward: `begun` (nothing
 * moved) → `aside` (old files are being moved aside) → `placing` (all of them are; restored ones are being moved in) →
 * `placed`. Back: `away` (restored ones are being moved out) → `back` (old ones are being moved in) → `undone`.
 */
export const placingPhases = ['begun', 'aside', 'placing', 'placed', 'away', 'back', 'undone'] as const;

export type PlacingPhase = (typeof placingPhases)[number];

export function isPlacingPhase(text: string): text is PlacingPhase {
  return placingPhases.some((phase) => phase === text);
}

/** A node in such a phase must neither be started nor restored again: its live directories are half of one and half of another. */
export function isHalfDone(phase: PlacingPhase): boolean {
  return phase !== 'begun' && phase !== 'placed' && phase !== 'undone';
}
