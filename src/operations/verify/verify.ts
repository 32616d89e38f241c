import type { Owner } from '../../model/lock.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { pathOf } from '../../model/backup/backup-id.ts';
import { type Backup, isCommitted, missingFrom } from '../../model/backup/backup.ts';
import { NotFoundError } from '../../model/errors.ts';
import { total } from '../../model/size.ts';
import { type Problem, isDamage } from '../../model/verify/verify-plan.ts';
import type { ReadSample, VerifyResult } from '../../model/verify/verify-result.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import { type RepairOptions, type RepairParts, repair } from './repair.ts';
import { heldParts } from '../location/held-parts.ts';
import { foreignProblems, problemsBeside } from './foreign.ts';
import { whileReading } from '../location/while-reading.ts';
import { clusterFileProblems, listPart, nodeParts } from './listing.ts';
import { type ReadingParts, Reading } from './reading.ts';
import { type Subjects, chooseSubjects } from './subjects.ts';
import { nodeManifestKey } from '../../storage/keys.ts';
import { TableParts } from './table-parts.ts';
import { withLock } from '../location/with-lock.ts';

export interface VerifyOptions {
  /** An id, `latest` or `all`. */
  readonly backup: string;
  /** Which of the objects are read as well, all or a part; none when absent. */
  readonly sample?: ReadSample | undefined;
  /** Objects read side by side. */
  readonly transfers: number;
  /** Who it is that reads: says so in the store while objects are read, where it is given. */
  readonly owner?: Owner;
}

export interface VerifyRepairOptions extends VerifyOptions, RepairOptions {
  readonly owner: Owner;
  readonly lockTimeoutSeconds: number;
}

/** Nodes whose manifests and listings are held in memory at once. */
const partsAtOnce = 2;

/**
 * Tells what of a backup is not there or not as it was stored: by listings, and with a sample by reading. What is wrong
 * with the backup is in the result; a store that does not answer is thrown. Throws NotFoundError when there is no such
 * backup.
 */
export async function verify(options: VerifyOptions, parts: ReadingParts, signal: AbortSignal): Promise<VerifyResult> {
  return (await inspect(options, parts, false, signal)).result;
}

/** The same as the only writer of the location, and mends what the nodes still have. */
export async function verifyAndRepair(
  options: VerifyRepairOptions,
  parts: RepairParts,
  signal: AbortSignal,
): Promise<VerifyResult> {
  const { owner, lockTimeoutSeconds: timeoutSeconds } = options;
  const request = { owner, operation: 'verify --repair', timeoutSeconds, listen: parts.listen };
  return withLock(
    parts.repository,
    request,
    async (lock, held) => {
      const locked = heldParts(parts, lock);
      const { result, vouchedFor } = await inspect(options, locked, true, held);
      return { ...result, mendings: await repair(vouchedFor, options, { ...locked, lock }, held) };
    },
    signal,
  );
}

interface Inspection {
  readonly result: VerifyResult;
  /** The problems that may be mended, for which manifests are signed anew: with a key only those that signed ones tell of. */
  readonly vouchedFor: readonly Problem[];
}

async function inspect(options: VerifyOptions, parts: ReadingParts, locked: boolean, signal: AbortSignal): Promise<Inspection> {
  const { repository, listen } = parts;
  listen({ type: 'step', text: `looking for ${options.backup === 'all' ? 'all backups' : `backup ${options.backup}`}` });
  const subjects = await chooseSubjects(repository, options.backup, signal);
  const { sample, owner } = options;
  const look = (): Promise<Inspection> => inspectAll(subjects, options, parts, locked, signal);
  // Beside who has the lock nobody deletes, and without reading it is soon over.
  return locked || sample === undefined || owner === undefined
    ? look()
    : whileReading({ repository, listen, owner, operation: 'verify' }, subjects.backups, look, signal);
}

async function inspectAll(
  subjects: Subjects,
  options: VerifyOptions,
  parts: ReadingParts,
  locked: boolean,
  signal: AbortSignal,
): Promise<Inspection> {
  const { repository, listen } = parts;
  const { sample, transfers: atOnce } = options;
  const problems: Problem[] = [...subjects.problems];
  const vouchedFor: Problem[] = [];
  for (const other of subjects.passedOver ?? []) {
    listen({ type: 'warning', text: `${pathOf(other)} is passed over: ${other.reason}` });
  }
  // A repair looks at suspects itself, so that it can record what it finds.
  const reading = sample === undefined ? undefined : new Reading({ sample, atOnce, suspects: !locked }, parts);
  let [objects, bytes] = [0, 0];

  listen({ type: 'step', text: `comparing ${subjects.name === 'all' ? 'backups' : subjects.name} with what is stored` });
  for await (const found of sideBySide(subjects.backups, partsAtOnce, (each) => clusterFileProblems(repository, each, signal))) {
    problems.push(...found);
  }
  const { store } = repository;
  for await (const found of sideBySide(subjects.backups, partsAtOnce, (each) => foreignProblems(store, each, signal))) {
    problems.push(...found);
  }
  problems.push(...(subjects.survey === undefined ? [] : await problemsBeside(repository, subjects.survey, signal)));
  const nodes = subjects.backups.flatMap(nodeParts);
  const tables = new TableParts();
  for await (const listed of sideBySide(nodes, partsAtOnce, (part) => listPart(repository, part, signal))) {
    objects += listed.files.length;
    problems.push(...tables.add(listed));
    bytes += total(listed.files.map(({ file }) => file.storedBytes));
    const found = reading === undefined ? listed.problems : await reading.of(listed, signal);
    problems.push(...found);
    if (repository.signatures.vouchesFor(nodeManifestKey(listed.part.backup, listed.part.host))) {
      vouchedFor.push(...found);
    }
  }
  problems.push(...tables.end());
  const result: VerifyResult = {
    location: repository.store.url,
    backup: subjects.name,
    backups: subjects.backups.map(({ id }) => id),
    unfinished: subjects.backups.filter((backup) => !isCommitted(backup)).map(({ id }) => id),
    degraded: subjects.backups
      .map((backup) => ({ id: backup.id, missing: missingFrom(backup).map(({ host }) => host) }))
      .filter(({ missing }) => missing.length > 0),
    problems: locked ? problems : await ofLivingBackups(problems, subjects, repository, signal),
    objects,
    bytes,
    readObjects: reading?.objects ?? 0,
    readBytes: reading?.bytes ?? 0,
    ...(sample === undefined ? {} : { sample }),
    signatures: repository.signatures.counts,
    mendings: new Map(),
  };
  return { result, vouchedFor };
}

/** A prune may have taken a backup away under the inspection; what went on purpose is no damage. */
async function ofLivingBackups(
  problems: readonly Problem[],
  { name, backups }: Subjects,
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const damaged = new Set(problems.filter(isDamage).map(({ backup }) => backup));
  const gone = new Set<string>();
  for (const backup of backups.filter(({ id }) => damaged.has(id))) {
    if (!(await isThere(backup, repository, signal))) {
      gone.add(backup.id);
    }
  }
  if (gone.has(name)) {
    throw new NotFoundError(`backup ${name} was deleted meanwhile`);
  }
  return problems.filter(({ backup }) => !gone.has(backup));
}

async function isThere(backup: Backup, repository: Repository, signal: AbortSignal): Promise<boolean> {
  return unlessDamaged(
    async () => (await repository.backup(backup, signal)) !== undefined,
    () => true,
  );
}
