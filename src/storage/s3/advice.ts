/** An error as an S3 server tells it; code and message are empty where it said none. */
export interface Complaint {
  readonly code: string;
  readonly message: string;
  /** HTTP status. */
  readonly status: number;
}

/** What is to be done about it. */
export interface Advice {
  readonly hint?: string;
  /** Whether the same request may go through when it is sent again. */
  readonly transient: boolean;
}

/** A refusal that says no more than that it is one. */
export const refused: Advice = final(
  'check the credentials (profile, role, environment) and what policies of user, role, bucket and encryption key let them do in this bucket',
);

const archived = final(
  'the object lies in an archive: have the store bring it back (`aws s3api restore-object`, S3 Batch Operations for many; `sstash files` lists those of a backup), wait until that is done, and run the command again',
);
const unknownKey = final(
  'check the credentials (profile, role, environment): this store does not know their access key; is the endpoint the right one?',
);
const wrongSecret = final(
  'check the credentials (profile, role, environment): the secret key does not fit the access key, or a proxy on the way changes requests',
);
const sessionEnded = final(
  'the session of the credentials has ended, and where they came from there are no others: renew it, or use a profile or role that renews itself',
);
const closedAccount = final('the account is closed or suspended: ask whoever runs the store');
const noBucket = final('the bucket does not exist: create it, or check its name and the endpoint');
const clock = final('set the clock of the control host, which signs all requests');
const held = final('Object Lock holds the object until its retention or legal hold ends; nobody can delete it before');
const key = final(
  'the encryption key cannot be used: it must exist and be enabled, and the credentials need kms:GenerateDataKey and kms:Decrypt for it',
);
const noRoom = final('the store has no room left for this bucket or account: make room or raise the quota, or prune old backups');
const tooLarge = final(
  'the store, or a proxy before it, takes no request of this size: have that limit raised to 16 MiB at least',
);
const noSuchMethod = final('the endpoint knows no such request: check that it is that of an S3 server');
const busy = passing('the store has too much to do: fewer streams (--transfers, --upload-parallel) or --rate-limit help');
const again = passing();

/**
 * By the codes of https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and those that MinIO, Ceph, versitygw and
 * others have besides.
 */
const byCode: ReadonlyMap<string, Advice> = new Map(
  [
    { advice: archived, codes: ['InvalidObjectState', 'ObjectNotInActiveTierError'] },
    {
      advice: refused,
      codes: ['AccessDenied', 'Forbidden', 'InvalidSecurity', 'InvalidPayer'],
    },
    {
      advice: final(
        'no credentials were found: name a profile (AWS_PROFILE), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      ),
      codes: ['CredentialsProviderError'],
    },
    // versitygw says the last one, with status 404.
    { advice: unknownKey, codes: ['InvalidAccessKeyId', 'UnrecognizedClientException', 'XAdminUserNotFound'] },
    { advice: wrongSecret, codes: ['SignatureDoesNotMatch'] },
    { advice: sessionEnded, codes: ['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired'] },
    { advice: closedAccount, codes: ['AccountProblem', 'AllAccessDisabled', 'NotSignedUp'] },
    { advice: noBucket, codes: ['NoSuchBucket'] },
    { advice: clock, codes: ['RequestTimeTooSkewed'] },
    { advice: held, codes: ['ObjectLocked', 'ObjectUnderRetention'] },
    {
      advice: key,
      codes: ['KMSNotConfigured', 'InvalidEncryptionAlgorithmError', 'ServerSideEncryptionConfigurationNotFoundError'],
    },
    {
      advice: noRoom,
      codes: [
        'InsufficientCapacity',
        'InsufficientStorage',
        'QuotaExceeded',
        'StorageFull',
        'StorageQuotaExceeded',
        'XMinioAdminBucketQuotaExceeded',
        'XMinioStorageFull',
      ],
    },
    { advice: tooLarge, codes: ['EntityTooLarge', 'MaxMessageLengthExceeded'] },
    { advice: final('the store takes no parts as small as 8 MiB; it cannot be used'), codes: ['EntityTooSmall'] },
    { advice: final('the path of the location is too long: a key has 1,024 bytes at most'), codes: ['KeyTooLongError'] },
    { advice: final('check the name of the bucket'), codes: ['InvalidBucketName', 'InvalidURI'] },
    { advice: noSuchMethod, codes: ['MethodNotAllowed'] },
    {
      advice: passing('the unfinished upload was removed meanwhile, perhaps by a lifecycle rule'),
      codes: ['NoSuchUpload'],
    },
    { advice: busy, codes: ['SlowDown', 'ServiceUnavailable', 'ThrottlingException', 'TooManyRequests', 'XMinioServerBusy'] },
    {
      advice: again,
      codes: [
        'BadDigest',
        'IncompleteBody',
        'InternalError',
        'OperationAborted',
        'RequestTimeout',
        'XAmzContentChecksumMismatch',
        'XAmzContentSHA256Mismatch',
      ],
    },
  ].flatMap(({ advice, codes }) => codes.map((code) => [code, advice] as const)),
);

/** What a refusal means that has no code of its own, by its words: of AWS, MinIO and versitygw, Backblaze. */
const byWords: readonly (readonly [words: RegExp, advice: Advice])[] = [
  [/protected by object lock|\bWORM.protected/i, held],
  [/\bkms:/i, key],
  [/\bquota\b|storage cap\b|storage (?:is )?full|insufficient storage|no space left/i, noRoom],
];

const byStatus: ReadonlyMap<number, Advice> = new Map([
  [401, refused],
  [403, refused],
  [405, noSuchMethod],
  [408, again],
  [413, tooLarge],
  [429, busy],
  [503, busy],
  [507, noRoom],
]);

/** One advice for each error of a store, whoever got it. */
export function adviceOn({ code, message, status }: Complaint): Advice {
  const known = /^(?:XMinio)?KMS/.test(code) ? key : byCode.get(code);
  if (known !== undefined && known !== refused) {
    return known;
  }
  const meant = status >= 400 && status < 500 ? byWords.find(([words]) => words.test(message))?.[1] : undefined;
  return meant ?? known ?? byStatus.get(status) ?? { transient: status >= 500 && status !== 501 };
}

/** Whether a store's error code may mean that the credentials were good once. */
export function mayHaveEnded(code: string): boolean {
  return byCode.get(code) === sessionEnded || code === 'InvalidAccessKeyId';
}

function final(hint: string): Advice {
  return { hint, transient: false };
}

function passing(hint?: string): Advice {
  return hint === undefined ? { transient: true } : { hint, transient: true };
}
