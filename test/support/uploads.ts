import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';

/** Keys of the multipart uploads that are open below a location, as the store itself lists them. */
export async function unfinishedUploads(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/(.*)$/.exec(env['SSTASH_LOCATION'] ?? '') ?? [];
  const client = new S3Client({
    endpoint: env['SSTASH_ENDPOINT'] ?? '',
    forcePathStyle: true,
    region: env['AWS_REGION'] ?? 'us-east-1',
    credentials: { accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '', secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '' },
  });
  try {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads.map(({ Key }) => Key ?? '').filter((key) => key.startsWith(prefix ?? ''));
  } finally {
    client.destroy();
  }
}
