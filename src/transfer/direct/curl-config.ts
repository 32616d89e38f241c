import { type SignedRequest } from '../../storage/object-store.ts';

/**
 * A request as curl reads it from its standard input (`curl -K -`), which is the only way that a signature may travel: argv
 * and environment are everybody's to read, a file could stay. https://curl.se/docs/manpage.html#-K
 */
export interface CurlRequest {
  readonly request: SignedRequest;
  /** The node's file that is put, and where the answer's parts go; paths on the node. */
  readonly upload?: string;
  readonly output?: string;
  readonly headers?: string;
  /** Printed when the request is over; `%{http_code}` and the like are curl's. */
  readonly writeOut?: string;
}

/** Seconds until a connection must stand, and of near silence (below 1 KiB/s) after which a request is given up. */
const connectSeconds = 20;
const silentSeconds = 60;

/**
 * Several requests go over one connection, one after the other or side by side as curl is told. A rate holds for each of them;
 * when they may begin is for the caller to see to.
 */
export function curlConfig(requests: readonly CurlRequest[], bytesPerSecond?: number): string {
  return requests.map((request) => entry(request, bytesPerSecond)).join('next\n');
}

function entry({ request, upload, output, headers, writeOut }: CurlRequest, bytesPerSecond?: number): string {
  return [
    ['url', request.url],
    // Without it curl waits up to a second for a "100 Continue" that some servers never send.
    ['header', 'Expect:'],
    ...Object.entries(request.headers).map(([name, value]) => ['header', `${name}: ${value}`] as const),
    ['connect-timeout', String(connectSeconds)],
    ['speed-time', String(silentSeconds)],
    ['speed-limit', '1024'],
    ...named('limit-rate', bytesPerSecond === undefined ? undefined : String(Math.ceil(bytesPerSecond))),
    ...named('upload-file', upload),
    ...named('output', output),
    ...named('dump-header', headers),
    ...named('write-out', writeOut),
  ]
    .map(([name, value]) => `${name} = ${quoted(value ?? '')}\n`)
    .join('');
}

function named(name: string, value: string | undefined): readonly (readonly [string, string])[] {
  return value === undefined ? [] : [[name, value]];
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`;
}
