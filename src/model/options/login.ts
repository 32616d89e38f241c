import { UsageError } from '../errors.ts';

/** A user and the password. No text is made of the password by mistake: neither JSON nor what shows objects sees it. */
export class Login {
  readonly user: string;
  readonly #password: string;

  constructor(user: string, password: string) {
    this.user = user;
    this.#password = password;
  }

  get password(): string {
    return this.#password;
  }
}

/**
 * Reads `user password` from the text of a file, one line; the password is all that follows the blanks. Throws UsageError that shows
 * nothing of it.
 */
export function parseLogin(option: string, text: string): Login {
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const [, user, password] = /^(\S+)[ \t]+(\S(?:.*\S)?)$/.exec(lines[0] ?? '') ?? [];
  if (lines.length !== 1 || user === undefined || password === undefined) {
    throw new UsageError(`the file that --${option} names must hold one line: the user, a blank, the password`, {
      hint: 'no blank may stand before the user, nor at the end: none of the programs could be given such a password',
    });
  }
  if (/\p{Cc}/u.test(user + password) || user.startsWith('-')) {
    throw new UsageError(`the login in the file that --${option} names cannot be given to a program`, {
      hint: 'a user must not begin with -, and neither user nor password may hold control characters',
    });
  }
  return new Login(user, password);
}

/** A line of the password file that `nodetool -pwf` reads. It takes words apart at blanks, in the node's own encoding. */
export function jmxPasswordFile({ user, password }: Login): string {
  if (!/^[!-~]+$/.test(user + password)) {
    throw new UsageError('nodetool can read only passwords of ASCII characters without blanks from a file', {
      hint: 'give the JMX user such a password',
    });
  }
  return `${user} ${password}\n`;
}

/**
 * The file that `cqlsh --credentials` reads (4.1 and later). What stands in the first section wins over a login in the user's cqlshrc,
 * and of a user in it `%` means something; the second is the one that the documentation names.
 */
export function cqlCredentialsFile({ user, password }: Login): string {
  return [
    '[plain_text_auth]',
    `username = ${user.replaceAll('%', '%%')}`,
    `password = ${password}`,
    '[PlainTextAuthProvider]',
    `username = ${user}`,
    `password = ${password}`,
    '',
  ].join('\n');
}

/** The section of a cqlshrc that an older cqlsh takes the login from. */
export function cqlshrcLogin({ user, password }: Login): string {
  if (/\s;/.test(password)) {
    throw new UsageError('a cqlsh before 4.1 that runs on Python 2 takes what follows a blank and a semicolon for a comment', {
      hint: 'give the CQL user a password without them',
    });
  }
  return `[authentication]\nusername = ${user.replaceAll('%', '%%')}\npassword = ${password}\n`;
}
