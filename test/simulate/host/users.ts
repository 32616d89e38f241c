import type { Who } from './files/access.ts';

export interface User {
  readonly name: string;
  readonly uid: number;
  /** The group of his own. */
  readonly gid: number;
  /** Further groups. */
  readonly groups?: readonly number[];
  readonly home?: string;
  /** Whom he may become by sudo, without a password: anybody, or those user ids; nobody if not given. */
  readonly sudo?: 'anybody' | readonly number[];
}

export interface Group {
  readonly name: string;
  readonly gid: number;
}

/** Who has an account on a host. */
export class Users {
  readonly #users: readonly User[];
  readonly #groups: readonly Group[];

  /** Root is always there; a user's own group has his name where none is given for it. */
  constructor(users: readonly User[] = [], groups: readonly Group[] = []) {
    this.#users = [{ name: 'root', uid: 0, gid: 0, home: '/root', sudo: 'anybody' }, ...users.filter(({ uid }) => uid !== 0)];
    const own = this.#users.map(({ name, gid }) => ({ name, gid }));
    this.#groups = [
      ...groups,
      ...own.filter(
        ({ gid }, index) => !groups.some((group) => group.gid === gid) && own.findIndex((other) => other.gid === gid) === index,
      ),
    ];
  }

  byName(name: string): User | undefined {
    return this.#users.find((user) => user.name === name);
  }

  byId(uid: number): User | undefined {
    return this.#users.find((user) => user.uid === uid);
  }

  /** As the program `id` takes a word: a name, else a number. */
  find(word: string): User | undefined {
    return this.byName(word) ?? (/^\d+$/.test(word) ? this.byId(Number(word)) : undefined);
  }

  groupName(gid: number): string | undefined {
    return this.#groups.find((group) => group.gid === gid)?.name;
  }

  groupId(name: string): number | undefined {
    return this.#groups.find((group) => group.name === name)?.gid;
  }

  /** With all his groups, his own first. */
  who({ uid, gid, groups = [] }: User): Who {
    return { uid, gid, groups: [gid, ...groups.filter((group) => group !== gid)] };
  }

  /** The text of /etc/passwd. */
  passwd(): string {
    return this.#users.map((user) => `${passwdLine(user)}\n`).join('');
  }

  /** The text of /etc/group. */
  group(): string {
    return this.#groups
      .map(
        ({ name, gid }) =>
          `${name}:x:${gid}:${this.#users
            .filter(({ groups }) => groups?.includes(gid) === true)
            .map((user) => user.name)
            .join(',')}\n`,
      )
      .join('');
  }
}

export function passwdLine({ name, uid, gid, home = '/nonexistent' }: User): string {
  return `${name}:x:${uid}:${gid}::${home}:/bin/sh`;
}
