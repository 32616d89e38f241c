/** Histories in which something was wrong once: what it was, and the seed that shows it. They are lived again with every test. */
export const namedSeeds: readonly { readonly seed: number; readonly was: string }[] = [
  { seed: 1, was: 'a TRUNCATE was dated by the calendar of whoever asked, and not by that of the node (the world’s own fault)' },
  { seed: 5018, was: 'a degraded incremental backup was judged by nodes that only its parent holds (the judge’s own fault)' },
  { seed: 5076, was: 'a table that is younger than the parent was looked for in the parent (the judge’s own fault)' },
  { seed: 5088, was: 'a server took the directory of an older commit log for a segment (the world’s own fault)' },
  {
    seed: 7043,
    was: 'replicas that a degraded backup does not hold were not repaired after its restore (the world’s own fault)',
  },
  {
    seed: 1000147,
    was: 'a store that was slow after the commit ended a complete backup as an unknown failure: its last steps had half a minute, interrupted or not',
  },
  { seed: 1000134, was: 'a timer of less than a millisecond stood still (the world’s own fault)' },
  { seed: 1000182, was: 'a list of a snapshot that a full disk had left empty was read (the world’s own fault)' },
  {
    seed: 1000221,
    was: 'a node crashed after the plan of a restore by restart, and its log went aside with rows of another table, without a word',
  },
  {
    seed: 6000330,
    was: 'an empty directory for staging was taken for something left behind; an operator may have made it (the judge’s own fault)',
  },
  { seed: 6000457, was: 'a table for which a full disk had no directory was refreshed (the world’s own fault)' },
  {
    seed: 7100047,
    was: 'a node crashed before a restore by restart was planned, which said that its log goes aside unread (the judge’s own fault)',
  },
  {
    seed: 262,
    was: 'a node that could not be told that it is up again counted as stopped by a restore, and clear left it alone (the judge’s own fault)',
  },
  { seed: 817, was: 'a restore that died while it began left a directory for its journal, which clear did not name' },
];
