import type { OptionSet } from '../cli/arguments.ts';

/** Of commands that write manifests. */
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
