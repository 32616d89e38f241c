import { UsageError } from '../errors.ts';

/** A program of the nodes that an option names, with words of its own. */
export interface NamedProgram {
  /** `nodetool-path` */
  readonly option: string;
  /** What its name contains; words before it (`sudo -u cassandra`, `docker exec -i cass`) start it. */
  readonly name: string;
  /** Its own options that a password follows or is a part of. */
  readonly passwords: RegExp;
  /** Its own options that say who logs in. */
  readonly users: RegExp;
  /** What is to be done in place of giving a password there. */
  readonly instead: string;
}

export const nodetoolProgram: NamedProgram = {
  option: 'nodetool-path',
  name: 'nodetool',
  passwords: /^-pw(?!f$)/,
  users: /^(?:-u|--username)(?:=|$)|^-pwf$|^--password-file(?:=|$)/,
  instead:
    'write user and password into a file of this host, mode 600, and name it with --jmx-credentials; passwords of key stores belong into ~/.cassandra/nodetool-ssl.properties on the nodes',
};

export const cqlshProgram: NamedProgram = {
  option: 'cqlsh-path',
  name: 'cqlsh',
  // Flags may stand in the same word, and long options may be cut short.
  passwords: /^-[Ct]*p|^--pa/,
  users: /^-[Ct]*u|^--us|^--cred/,
  instead: 'write user and password into a file of this host, mode 600, and name it with --cql-credentials',
};

export const loaderProgram: NamedProgram = {
  option: 'sstableloader-path',
  name: 'sstableloader',
  passwords: /^--?(?:pw|pa|kspw|tspw)/,
  users: /^--?us?(?:e\w*)?(?:=|$)/,
  instead:
    'name a script on the nodes that adds the login (who may list processes there sees it); passwords of key stores belong into client_encryption_options of cassandra.yaml',
};

/** Options and variables of any program whose value is a secret, by their names. */
const anySecret = /(?:passw(?:or)?d|passphrase|secret)(?![-_]?file)/i;
const notSecret = /^--insecure-password/;
const urlWithLogin = /:\/\/[^/\s@]*:[^/\s]*@/;

/**
 * The words that start a program. Throws UsageError where one is, or is followed by, a password: all users of a node read it in the
 * list of processes, and people in what is printed. The words themselves are not shown.
 */
export function programWords(text: string, program: NamedProgram): readonly string[] {
  const words = text.split(' ').filter((word) => word !== '');
  if (words.some((word, index) => isSecret(word, index, words, program))) {
    throw new UsageError(
      `--${program.option} must not hold a password: all users of a node see it there in the list of processes`,
      {
        hint: program.instead,
      },
    );
  }
  return words;
}

function isSecret(word: string, index: number, words: readonly string[], program: NamedProgram): boolean {
  const own = index > programAt(words, program);
  const name = word.replace(/=.*$/s, '');
  const named = (word.startsWith('-') || name !== word) && anySecret.test(name) && !notSecret.test(name);
  return (own && program.passwords.test(word)) || named || urlWithLogin.test(word);
}

/** Throws UsageError where the words say who logs in, and a file of credentials does so too. */
export function refuseSecondLogin(words: readonly string[], program: NamedProgram, credentials: string): void {
  if (words.slice(programAt(words, program) + 1).some((word) => program.users.test(word))) {
    throw new UsageError(`--${program.option} names a login, and --${credentials} does so too`, {
      hint: `leave it out of --${program.option}`,
    });
  }
}

/** Where the program stands among the words that start it; the first one, where none looks like it. */
export function programAt(words: readonly string[], { name }: Pick<NamedProgram, 'name'>): number {
  const at = words.findIndex((word) => !word.startsWith('-') && word.slice(word.lastIndexOf('/') + 1).includes(name));
  return Math.max(at, 0);
}
