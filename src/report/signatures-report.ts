import type { SignatureCounts } from '../model/backup/manifest.ts';
import { count } from './backup-report.ts';

/** What the signatures of manifests, ring and schema have come to, in a line. */
export function signaturesText({ checked, unsigned }: SignatureCounts): string {
  const rest = unsigned === 0 ? '' : `; ${count(unsigned, 'manifest')} NOT signed and taken as they are`;
  return `signatures: ${count(checked, 'manifest')} checked${rest}`;
}
