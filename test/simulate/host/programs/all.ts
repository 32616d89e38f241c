import { lzop } from './archives/lzop.ts';
import { tar } from './archives/tar.ts';
import { awk } from './awk/awk.ts';
import { cp } from './changing/copy.ts';
import { ln, mkdir, mktemp, mv, rm, rmdir, touch } from './changing/naming.ts';
import { chmod, chown } from './changing/permissions.ts';
import { find } from './find/find.ts';
import { date, df, du, ls, stat } from './looking/looking.ts';
import { basename, dirname, pwd, readlink, realpath } from './looking/names.ts';
import type { Program } from './programs.ts';
import { flock } from './running/flock.ts';
import { getent, id, runuser, setpriv, sudo } from './running/identity.ts';
import { echo, env, getconf, ionice, kill, nice, nohup, printf, setsid, sleep, test, timeout, xargs } from './running/running.ts';
import { sed } from './sed/sed.ts';
import { sh } from './sh.ts';
import { cat, cksum, cmp, head, sync, tail, tee, wc } from './streams/streams.ts';
import { grep } from './text/grep.ts';
import { cut, sort, tr, uniq } from './text/lines.ts';

/** What every host has, by its name in /usr/bin. What belongs to Cassandra a world puts there itself. */
export const allPrograms: Readonly<Record<string, Program>> = {
  '[': test,
  awk,
  basename,
  cat,
  chmod,
  chown,
  cksum,
  cmp,
  cp,
  cut,
  date,
  df,
  dirname,
  du,
  echo,
  env,
  false: () => 1,
  find,
  flock,
  getconf,
  getent,
  grep,
  head,
  id,
  ionice,
  kill,
  ln,
  ls,
  lzop,
  mkdir,
  mktemp,
  mv,
  nice,
  nohup,
  printf,
  pwd,
  readlink,
  realpath,
  rm,
  rmdir,
  runuser,
  sed,
  setpriv,
  setsid,
  sh,
  sleep,
  sort,
  stat,
  sudo,
  sync,
  tail,
  tar,
  tee,
  test,
  timeout,
  touch,
  tr,
  true: () => 0,
  uniq,
  wc,
  xargs,
};
