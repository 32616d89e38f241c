import type { Random } from '../clock/random.ts';
import type { Conditions } from '../store/bucket.ts';
import type { Climate } from '../weather/weather.ts';

/** What a history's world is like. */
export interface Shape {
  readonly hosts: readonly string[];
  /** Tokens of each node. */
  readonly tokens: number;
  readonly copies: number;
  readonly tables: number;
  readonly incremental: boolean;
  readonly autoSnapshot: boolean;
  /** Bytes of each Data.db besides its rows. */
  readonly ballast: number;
  readonly diskBytes: number;
  /** Who logs in on the nodes. */
  readonly login: 'root' | 'cassandra';
  /** How backups are compressed. */
  readonly compression: 'none' | 'lzo';
  /** Whether the nodes have lzop. */
  readonly lzop: boolean;
  /** Who signs and wants signatures: nobody, some of the time, or everybody. */
  readonly signing: 'never' | 'sometimes' | 'always';
  readonly climate: Climate;
  readonly conditions: Conditions;
  readonly storeAheadMs: number;
  readonly nodesAheadMs: readonly number[];
  readonly operatorsAheadMs: readonly number[];
  /** How long a server takes to start, besides. */
  readonly startMs: number;
  /** How often a command is killed, interrupted or stopped for a while. */
  readonly interference: number;
}

export function shapeOf(random: Random): Shape {
  const nodes = random.weighted([
    [4, 1],
    [3, 2],
    [4, 3],
  ] as const);
  const hosts = Array.from({ length: nodes }, (_, index) => `cass${index + 1}`);
  const isBad = random.chance(0.6);
  const wrong = (): number =>
    random.chance(0.1) ? Math.round(random.between(-1, 1) * random.pick([5_000, 120_000, 3_000_000])) : 0;
  return {
    hosts,
    tokens: random.pick([1, 2, 4]),
    copies: 1 + random.below(nodes),
    tables: 1 + random.below(3),
    incremental: random.chance(0.75),
    autoSnapshot: random.chance(0.3),
    ballast: random.chance(0.03) ? 1_100_000 : 0,
    diskBytes: 10 * 1024 ** 3,
    login: random.chance(0.9) ? 'cassandra' : 'root',
    compression: random.chance(0.25) ? 'lzo' : 'none',
    lzop: random.chance(0.5),
    signing: random.weighted([
      [6, 'never'],
      [1, 'sometimes'],
      [2, 'always'],
    ] as const),
    climate: {
      store: isBad ? random.pick([0, 0.001, 0.004, 0.02]) : 0,
      remote: isBad ? random.pick([0, 0.001, 0.004, 0.02]) : 0,
      steps: isBad ? random.pick([0, 0, 0.003, 0.02]) : 0,
      lagMs: random.chance(0.05) ? 3_000 : 0,
    },
    conditions: random.weighted<Conditions>([
      [95, 'kept'],
      [3, 'ignored'],
      [2, 'refused'],
    ]),
    storeAheadMs: wrong(),
    nodesAheadMs: hosts.map(wrong),
    // Operators have two hosts, whose calendars nobody compares.
    operatorsAheadMs: [wrong(), random.chance(0.3) ? random.pick([-1, 1]) * random.between(90_000, 1_800_000) : wrong()],
    startMs: random.pick([0, 0, 20_000]),
    interference: random.pick([0, 0.2, 0.5]),
  };
}
