import { adviceOn } from './advice.ts';
import {
  BackupError,
  ConditionFailedError,
  NotFoundError,
  StorageError,
  UnreachedError,
  UnsupportedError,
  messageOf,
  withoutSignatures,
} from '../../model/errors.ts';

/** What an absent object is an answer to. */
const ofObjects: ReadonlySet<string> = new Set(['read', 'look up']);

/** What was being done when a request failed; for the message. */
export interface Attempt {
  /** `read`, `write`, `list`, `delete`, `look up`, `open`. */
  readonly doing: string;
  /** Key below the base; empty for the location itself. */
  readonly key: string;
  readonly url: string;
  readonly bucket: string;
  /** Where requests go, for messages about the network. */
  readonly endpoint: string;
  /** True when the request carried If-None-Match or If-Match. */
  readonly conditional?: boolean;
}

const elsewhere = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
  'TemporaryRedirect',
]);
const network = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/** The error the core throws for one of the SDK's; errors of our own are given back unchanged. */
export function s3Error(error: unknown, attempt: Attempt): BackupError {
  if (error instanceof BackupError) {
    return error;
  }
  const name = nameOf(error);
  const status = statusOf(error);
  const what = attempt.key === '' ? attempt.url : `${attempt.url}/${attempt.key}`;
  const reason = reasonOf(error, name, status);
  const said = `cannot ${attempt.doing} ${what}: ${reason}`;
  const unsupported = isUnsupported(error);
  const Kind = unsupported ? UnsupportedError : StorageError;
  const failure = (hint: string | undefined, transient: boolean): StorageError =>
    new Kind(said, { key: attempt.key, cause: error, transient, hint });

  if (name === 'NoSuchBucket') {
    return new NotFoundError(`bucket ${attempt.bucket} does not exist`, {
      cause: error,
      hint: `create it, or check the name in ${attempt.url} and the endpoint ${attempt.endpoint}`,
    });
  }
  // If-Match on a key that is gone answers 404; a lost race 409 or 412.
  if (attempt.conditional === true && (status === 412 || status === 409 || name === 'NoSuchKey')) {
    return new ConditionFailedError(`${what} was written by somebody else: ${reason}`, { key: attempt.key, cause: error });
  }
  if (name === 'NoSuchKey' || name === 'NotFound') {
    return absence(attempt, what, reason, error);
  }
  if (status === 301 || status === 307 || elsewhere.has(name)) {
    return failure(`the bucket is in another region${regionOf(error)}: set the bucket's region`, false);
  }
  if (network.has(codeOf(error)) || name === 'TimeoutError') {
    return failure(`check that ${attempt.endpoint} is the right endpoint and can be reached from here`, true);
  }
  if (/CERT|TLS|SELF_SIGNED|UNABLE_TO_/.test(codeOf(error))) {
    return failure(
      `the certificate of ${attempt.endpoint} is not trusted: --ca-file (or NODE_EXTRA_CA_CERTS, for this host alone) names a file of own authorities`,
      false,
    );
  }
  if (unsupported) {
    return failure('this S3 server does not know something that was asked for, such as encryption or a storage class', false);
  }
  const { hint, transient } = adviceOn({ code: name, message: messageOf(error), status });
  return failure(hint, transient);
}

/**
 * That there is no such object S3 says to whoever asks for one. A listing of nothing is an empty one, and a write makes what is not there: where
 * it is said to them, somebody else has said it, and nothing may be taken for absent.
 */
function absence({ doing, url, endpoint }: Attempt, what: string, reason: string, cause: unknown): BackupError {
  if (ofObjects.has(doing)) {
    return new NotFoundError(`${what} does not exist`, { cause });
  }
  return new UnreachedError(
    `cannot ${doing} ${what}: what answers at ${endpoint} is no S3 server, which would not say so: ${reason}`,
    {
      key: '',
      cause,
      hint: `something else answers in its place, or changes what it says: check --endpoint, and what is on the way to ${url}`,
    },
  );
}

/** True of an error of the SDK when the server said that it does not know something that was asked for. */
export function isUnsupported(error: unknown): boolean {
  return statusOf(error) === 501 || nameOf(error) === 'NotImplemented';
}

/** The error code of S3, or the error's name: `NoSuchKey`, `AccessDenied`, `TimeoutError`. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** The HTTP status of the answer; 0 when there was none. */
export function statusOf(error: unknown): number {
  return numberIn(error, 'httpStatusCode');
}

/** How often the SDK tried. More than once means that an earlier try may have succeeded unseen. */
export function attemptsOf(error: unknown): number {
  return numberIn(error, 'attempts');
}

/** True when the connection broke, which is also what a refusal during the upload of a body looks like. */
export function isConnectionCut(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(codeOf(error));
}

function numberIn(error: unknown, field: string): number {
  if (!(error instanceof Error) || !('$metadata' in error)) {
    return 0;
  }
  const value = valueAt(error.$metadata, field);
  return typeof value === 'number' ? value : 0;
}

function codeOf(error: unknown): string {
  const code = valueAt(error, 'code');
  return typeof code === 'string' ? code : '';
}

function regionOf(error: unknown): string {
  const region = valueAt(error, 'Region');
  return typeof region === 'string' ? `, ${region}` : '';
}

function valueAt(holder: unknown, field: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, field) : undefined;
}

function reasonOf(error: unknown, name: string, status: number): string {
  const code = codeOf(error);
  const told = withoutSignatures(messageOf(error)).replace(/\.$/, '');
  const parts = [
    name === 'Error' || name === 'AggregateError' ? code : name,
    told === 'UnknownError' || told === name ? '' : told,
  ];
  const reason = parts.filter((part) => part !== '').join(': ');
  return status === 0 ? reason : `${reason} (HTTP ${status})`;
}
