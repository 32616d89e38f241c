import { type Backup, nodesOf } from '../../model/backup/backup.ts';
import type { NodeManifest } from '../../model/backup/manifest.ts';
import { summaryOf } from '../../model/backup/outcome/outcome.ts';
import {
  type NamedFile,
  type Problem,
  type SeenObject,
  filesOf,
  listedProblems,
  orphanProblems,
} from '../../model/verify/verify-plan.ts';
import { undescribed } from '../../model/schema/shape/undescribed.ts';
import { tableDirectory } from '../../model/sstable.ts';
import { foreignProblem, isForeign } from './foreign.ts';
import { draftKey, hostPrefix, hostPrefixOf, nodeManifestKey, ringKey, schemaKey } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { everyTable } from '../../storage/backups/node-manifest-format.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';

/** One node's part of a backup. */
export interface NodePart {
  readonly backup: Backup;
  readonly host: string;
  readonly hostId: string;
}

/** What the manifest and the listing of a node's part tell. */
export interface ListedPart {
  readonly part: NodePart;
  readonly problems: readonly Problem[];
  /** Absent when it cannot be read, or when an unfinished run has not written it. */
  readonly manifest?: NodeManifest;
  readonly files: readonly NamedFile[];
}

export function nodeParts(backup: Backup): readonly NodePart[] {
  return nodesOf(backup).map(({ host, hostId }) => ({ backup, host, hostId }));
}

/**
 * Holds a node's manifest against listings of every place that its objects lie in: one request per 1,000 objects there,
 * none per object.
 */
export async function listPart(repository: Repository, part: NodePart, signal: AbortSignal): Promise<ListedPart> {
  const { backup, host } = part;
  const { manifest, problems } = await readManifest(repository, part, signal);
  if (manifest === undefined) {
    return { part, problems, files: [] };
  }
  const files = filesOf(manifest);
  const ownPrefix = hostPrefix(backup, host);
  const objects = await listed(repository.store, files, ownPrefix, signal);
  const isOwn = (key: string): boolean => hostPrefixOf(key) === ownPrefix;
  const known = new Set([nodeManifestKey(backup, host), draftKey(backup, host)]);
  return {
    part,
    manifest,
    files,
    problems: [
      ...problems,
      ...listedProblems(manifest, files, objects, { isOwn, etags: repository.store.etagsOfContent }),
      // An unfinished run may be at work there.
      ...(backup.committed ? orphanProblems(manifest, files, objects, isOwn, known).map(unlessForeign) : []),
    ],
  };
}

/** What is nobody's of ours is no orphan: no prune takes it. */
function unlessForeign(orphan: Problem): Problem {
  return isForeign(orphan.key) ? foreignProblem({ id: orphan.backup }, orphan.host, orphan.key) : orphan;
}

/** Ring and schema, without which a restore into an empty cluster has a hard time. */
export async function clusterFileProblems(
  repository: Repository,
  backup: Backup,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  if (!backup.committed) {
    return [];
  }
  const problem = (key: string, kind: Problem['kind'], detail: string): Problem => ({
    kind,
    backup: backup.id,
    host: '',
    path: '',
    key,
    detail,
  });
  const key = ringKey(backup);
  const unproved = await repository.signatures.clusterProblems(backup, signal);
  if (unproved.length > 0) {
    return unproved.map(({ key: name, error }) => problem(name, 'manifest', error.message));
  }
  const ring = await unlessDamaged(
    async () => ((await repository.ring(backup, signal)) === undefined ? [problem(key, 'missing', 'the ring is missing')] : []),
    ({ message }) => [problem(key, 'manifest', message)],
  );
  const own = schemaKey(backup);
  const schema = await unlessDamaged(
    async () => {
      const text = await repository.schema(backup, signal);
      return text === undefined
        ? [problem(own, 'missing', 'the schema is missing')]
        : undescribed(backup.manifest.tables, text, own).map((table) => ({
            ...problem(own, 'schema', 'the schema does not make the table with this id, so it cannot be restored from it'),
            path: tableDirectory(table),
          }));
    },
    ({ message }) => [problem(own, 'manifest', message)],
  );
  return [...ring, ...schema];
}

async function readManifest(
  repository: Repository,
  part: NodePart,
  signal: AbortSignal,
): Promise<{ readonly manifest?: NodeManifest; readonly problems: readonly Problem[] }> {
  const { backup, host } = part;
  return unlessDamaged(
    async () => {
      const manifest = await repository.nodeManifest(backup, host, everyTable, signal);
      if (manifest === undefined) {
        return { problems: backup.committed ? [manifestProblem(part, 'the manifest of the node is missing')] : [] };
      }
      return { manifest, problems: summaryProblems(part, manifest) };
    },
    ({ message }) => ({ problems: [manifestProblem(part, message)] }),
  );
}

/** A whole manifest in the wrong place would pass every other check. */
function summaryProblems(part: NodePart, manifest: NodeManifest): readonly Problem[] {
  const wanted = part.backup.committed ? part.backup.manifest.nodes.find(({ host }) => host === part.host) : undefined;
  const { hostId, files, bytes } = summaryOf(manifest);
  return wanted === undefined || (wanted.hostId === hostId && wanted.files === files && wanted.bytes === bytes)
    ? []
    : [
        manifestProblem(
          part,
          `the manifest names ${files} files of ${bytes} bytes of node ${hostId}, the backup's ${wanted.files} of ${wanted.bytes} bytes of ${wanted.hostId}`,
        ),
      ];
}

function manifestProblem({ backup, host }: NodePart, detail: string): Problem {
  return { kind: 'manifest', backup: backup.id, host, path: '', key: nodeManifestKey(backup, host), detail };
}

/** The objects of other backups that are named here, and all of the node's own directory. */
async function listed(
  store: ObjectStore,
  files: readonly NamedFile[],
  ownPrefix: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SeenObject>> {
  const wanted = new Set(files.map(({ file }) => file.key));
  const objects = new Map<string, SeenObject>();
  for (const prefix of new Set([ownPrefix, ...files.map(({ file }) => hostPrefixOf(file.key))])) {
    for await (const { key, bytes, etag } of store.list(prefix, signal)) {
      if (prefix === ownPrefix || wanted.has(key)) {
        objects.set(key, { bytes, etag });
      }
    }
  }
  return objects;
}
