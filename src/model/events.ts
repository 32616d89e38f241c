/**
 * What the core tells whoever listens while it works. The core never writes to a terminal; `cli/progress.ts` draws these.
 * Byte counts are plain (uncompressed component) bytes; `transferred` carries increments.
 */
export type Event =
  | { readonly type: 'step'; readonly text: string }
  | { readonly type: 'node'; readonly host: string; readonly state: NodeState; readonly detail?: string }
  | { readonly type: 'planned'; readonly host: string; readonly files: number; readonly bytes: number }
  | { readonly type: 'transferred'; readonly host: string; readonly files: number; readonly bytes: number }
  | { readonly type: 'warning'; readonly text: string; readonly host?: string }
  /** Something takes long: told now and then for as long as it does. */
  | { readonly type: 'waiting'; readonly text: string; readonly host?: string };

/** A node's way through an operation; the last two are final. */
export type NodeState = 'connecting' | 'snapshot' | 'listing' | 'transfer' | 'done' | 'failed';

export type Listen = (event: Event) => void;
