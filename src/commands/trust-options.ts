import type { OptionSet } from '../cli/arguments.ts';

/** The keys, of commands that write manifests. */
export const keyOption: OptionSet = {
  'manifest-key': {
    type: 'string',
    array: true,
    describe:
      'file of this host with the key that manifests are signed with (HMAC-SHA-256), mode 600; several, comma-separated: the first one signs, all are accepted',
    group: 'Signatures:',
  },
};

/** Of commands that read them. */
export const trustOptions: OptionSet = {
  ...keyOption,
  'require-signed': {
    type: 'boolean',
    default: false,
    describe: 'refuse what is not signed with one of the keys',
    group: 'Signatures:',
  },
};

/** Of commands that delete, which judge by manifests: what is not signed still keeps what it points at. */
export const keepingTrustOptions: OptionSet = {
  ...keyOption,
  'require-signed': {
    type: 'boolean',
    default: false,
    describe: 'only backups that are signed with one of the keys make others superfluous',
    group: 'Signatures:',
  },
};
