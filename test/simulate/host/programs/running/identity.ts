import type { Process } from '../../process/process.ts';
import { passwdLine } from '../../users.ts';
import { complain, quoted, shown } from '../failure.ts';
import { becomeOr } from './become-or.ts';
import { options } from '../options.ts';

/** `id [-u | -g | -G] [-n] [USER]`. */
export async function id(process: Process): Promise<number> {
  const given = options(process.argv, 'u g G n');
  const [word] = given.operands;
  const { users } = process.host;
  const user = word === undefined ? undefined : users.find(word);
  if (word !== undefined && user === undefined) {
    await complain(process, `${quoted(word)}: no such user`);
    return 1;
  }
  const { uid, gid, groups } = user === undefined ? process.who : users.who(user);
  const all = [gid, ...groups.filter((group) => group !== gid)];
  const groupName = (group: number): string => (given.has('n') ? (users.groupName(group) ?? String(group)) : String(group));
  if (given.has('u')) {
    const name = users.byId(uid)?.name;
    await process.print(`${given.has('n') ? (name ?? String(uid)) : uid}\n`);
    if (given.has('n') && name === undefined) {
      await complain(process, `cannot find name for user ID ${uid}`);
      return 1;
    }
    return 0;
  }
  if (given.has('g') || given.has('G')) {
    await process.print(`${(given.has('g') ? [gid] : all).map(groupName).join(' ')}\n`);
    return 0;
  }
  const named = (number: number, name: string | undefined): string =>
    name === undefined ? String(number) : `${number}(${name})`;
  await process.print(
    `uid=${named(uid, users.byId(uid)?.name)} gid=${named(gid, users.groupName(gid))} groups=${all.map((group) => named(group, users.groupName(group))).join(',')}\n`,
  );
  return 0;
}

export async function getent(process: Process): Promise<number> {
  const [, database, key = ''] = process.argv;
  if (database !== 'passwd') {
    throw new Error(`the model of getent does not know ${database}`);
  }
  const user = process.host.users.find(key);
  if (user === undefined) {
    return 2;
  }
  await process.print(`${passwdLine(user)}\n`);
  return 0;
}

/** `sudo [-n] [-u USER] [--] COMMAND…`: as that user, with his groups and little of the environment. */
export async function sudo(process: Process): Promise<number> {
  const given = options(process.argv, 'n u:');
  const { users } = process.host;
  const wanted = given.value('u') ?? 'root';
  const target = wanted.startsWith('#')
    ? (users.byId(Number(wanted.slice(1))) ?? { name: wanted, uid: Number(wanted.slice(1)), gid: Number(wanted.slice(1)) })
    : users.byName(wanted);
  if (target === undefined) {
    await process.complain(`sudo: unknown user ${wanted}`);
    await process.complain('sudo: error initializing audit plugin sudoers_audit');
    return 1;
  }
  const login = users.byId(process.who.uid);
  const may = process.who.uid === 0 ? 'anybody' : login?.sudo;
  if (may !== 'anybody' && may?.includes(target.uid) !== true) {
    await process.complain('sudo: a password is required');
    return 1;
  }
  const [program = ''] = given.operands;
  const from = process.who;
  process.env = new Map([
    ...['LANG', 'LC_ALL', 'TERM'].flatMap((name) =>
      process.env.has(name) ? [[name, process.env.get(name) ?? ''] as const] : [],
    ),
    ...process.host.loginEnvironment(target),
    ['SUDO_COMMAND', given.operands.join(' ')],
    ['SUDO_USER', login?.name ?? String(from.uid)],
    ['SUDO_UID', String(from.uid)],
    ['SUDO_GID', String(from.gid)],
  ]);
  process.who = users.who(target);
  return becomeOr(process, given.operands, () => process.complain(`sudo: ${program}: command not found`), 1);
}

/** `setpriv --reuid=UID --regid=GID (--clear-groups | --groups=LIST) -- COMMAND…`. */
export async function setpriv(process: Process): Promise<number> {
  const given = options(process.argv, '--reuid: --regid: --groups: --clear-groups --init-groups');
  if (process.who.uid !== 0) {
    await complain(process, 'setresuid failed: Operation not permitted');
    return 127;
  }
  const gid = Number(given.value('--regid') ?? process.who.gid);
  process.who = {
    uid: Number(given.value('--reuid') ?? 0),
    gid,
    groups: given.has('--groups') ? (given.value('--groups') ?? '').split(',').map(Number) : [gid],
  };
  const [program = ''] = given.operands;
  return becomeOr(
    process,
    given.operands,
    () => complain(process, `failed to execute ${program}: No such file or directory`),
    127,
  );
}

/** `runuser -u USER -- COMMAND…`. */
export async function runuser(process: Process): Promise<number> {
  const given = options(process.argv, 'u:');
  const user = process.host.users.byName(given.value('u') ?? '');
  if (process.who.uid !== 0 || user === undefined) {
    await complain(
      process,
      user === undefined
        ? `user ${shown(given.value('u') ?? '')} does not exist or the user entry does not contain all the required fields`
        : 'may not be used by non-root users',
    );
    return 1;
  }
  process.who = process.host.users.who(user);
  const [program = ''] = given.operands;
  return becomeOr(
    process,
    given.operands,
    () => complain(process, `failed to execute ${program}: No such file or directory`),
    127,
  );
}
