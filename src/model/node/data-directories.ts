/** What is known of the data directories of a node whose configuration file may be newer than its server. */
export interface DirectoryConfig {
  /** What the server works with, as far as anybody can say. */
  readonly dataDirectories: readonly string[];
  /** The file was changed after the server had started, and nobody has said yet what the server works with. */
  readonly edited?: boolean | undefined;
  /** What the file has, where the running server works with others: it will have these when it is started again. */
  readonly comingDirectories?: readonly string[] | undefined;
}

/** The configuration once it is known what the server works with. The file's order is kept: the first one holds the journal. */
export function withRunning<C extends DirectoryConfig>(config: C, running: readonly string[]): C {
  const { dataDirectories: file } = config;
  if (sameDirectories(file, running)) {
    return { ...config, edited: undefined };
  }
  const dataDirectories = [...file.filter((each) => running.includes(each)), ...running.filter((each) => !file.includes(each))];
  return { ...config, edited: undefined, dataDirectories, comingDirectories: file };
}

/** What the node's newest backup says of it. */
export interface DirectoryWitness {
  /** The backup. */
  readonly id: string;
  /** When its data were fixed, ISO 8601. */
  readonly takenAt: string;
  readonly dataDirectories: readonly string[];
}

/**
 * What an earlier backup says of a server that cannot be asked. That counts only if the server has run ever since. Cassandra 3
 * has no way at all to be asked; of one whose file has other directories by now nobody can say that the backup asked the
 * right one, so there only a file that was changed otherwise is let pass. Undefined where the backup does not help.
 */
export function directoriesByBackup(
  { dataDirectories }: DirectoryConfig,
  witness: DirectoryWitness | undefined,
  { startedAt, version }: { readonly startedAt: number | undefined; readonly version: string },
): readonly string[] | undefined {
  const trusted = witness !== undefined && startedAt !== undefined && startedAt <= Date.parse(witness.takenAt);
  if (!trusted || (version.startsWith('3.') && !sameDirectories(dataDirectories, witness.dataDirectories))) {
    return undefined;
  }
  return witness.dataDirectories;
}

function sameDirectories(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each) => others.includes(each));
}
