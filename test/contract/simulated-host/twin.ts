import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { fromTopScript } from '../../../src/cluster/files/as-owner.ts';
import type { Command, Remote, RunOptions } from '../../../src/cluster/remote.ts';
import { systemClock } from '../../../src/flow/clock.ts';
import { RemoteError } from '../../../src/model/errors.ts';
import { bytesOf, textOf } from '../../simulate/host/bytes.ts';
import { Host } from '../../simulate/host/host.ts';
import { simulatedRemote } from '../../simulate/host/remote.ts';
import type { Group, User } from '../../simulate/host/users.ts';
import { localRemote } from '../../support/local-remote.ts';
import { never } from '../../support/never.ts';
import { Speaker, Talk } from './talk.ts';

/** Whose files are when they are not root's: an account of every Linux. */
export const owner = 65_534;

interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
}

/** One of the two hosts, as a command may have to know it: inodes and devices have other numbers there. */
export interface Side {
  /** `device:inode`. */
  identity(path: string): string;
  device(path: string): string;
}

type Words = Command | ((side: Side) => Command);

interface How {
  readonly input?: RunOptions['input'];
  /** As the owner of the data, by the words that the product puts before the command. */
  readonly owner?: boolean;
  /** What is compared of the output, where numbers differ from host to host. */
  readonly normal?: (text: string, side: Side) => string;
  /** `class`: of what is said on standard error only the last words of each line (`No such file or directory`) must be the same. */
  readonly stderr?: 'exact' | 'class';
}

interface Answer {
  readonly stdout: string;
  readonly status: number | undefined;
  readonly message: string;
  readonly stderr: string;
}

/** Shell texts that any twin has run, whole: what the list of scripts is held against. */
export const ranTexts = new Set<string>();

/** A directory on this machine, and the same directory on a host in memory: whatever is run on both must come to the same. */
export class Twin {
  /** On the disk of `/`, and on another one. */
  readonly root: string;
  readonly other: string;
  readonly host: Host;
  readonly #test: TestContext;
  readonly #real: Remote;
  readonly #model: Remote;
  readonly #sides: { readonly real: Side; readonly model: Side };

  constructor(test: TestContext) {
    this.#test = test;
    this.root = mkdtempSync('/tmp/sstash-twin-');
    this.other = mkdtempSync('/dev/shm/sstash-twin-');
    test.after(() => {
      rmSync(this.root, { recursive: true, force: true });
      rmSync(this.other, { recursive: true, force: true });
    });
    const { users, groups } = accounts();
    const host = new Host({ name: 'twin', clock: systemClock, users, groups });
    this.host = host;
    host.files.mount('/dev/shm', 1024 ** 3);
    host.files.chmod(host.files.stat('/dev/shm'), 0o1777);
    for (const root of [this.root, this.other]) {
      host.files.mkdir(root, 0o700);
      this.dir('', { mode: 0o755 }, root);
    }
    this.#real = localRemote({ env: { LC_ALL: 'C', LANG: 'C', TZ: 'UTC', SUDO_UID: '', CASSANDRA_CONF: '' }, cwd: '/root' });
    this.#model = simulatedRemote(host);
    this.#sides = {
      real: {
        identity: (path) => `${statSync(path).dev}:${statSync(path).ino}`,
        device: (path) => String(statSync(path).dev),
      },
      model: {
        identity: (path) => `${host.files.stat(bytesOf(path)).disk.device}:${host.files.stat(bytesOf(path)).number}`,
        device: (path) => String(host.files.stat(bytesOf(path)).disk.device),
      },
    };
  }

  /** Below `root` if it is no absolute path. */
  path(path: string, root = this.root): string {
    return path.startsWith('/') ? path : join(root, path);
  }

  dir(path: string, { mode = 0o755, uid = 0 }: Attributes = {}, root = this.root): string {
    const place = this.path(path, root);
    mkdirSync(place, { recursive: true });
    this.host.files.mkdirs(bytesOf(place));
    this.#own(place, mode, uid);
    return place;
  }

  /** With the time of a file of the past, and its directory. */
  file(path: string, content: string, { mode = 0o644, uid = 0 }: Attributes = {}): string {
    const place = this.path(path);
    this.#above(place, uid);
    writeFileSync(place, content);
    const inode = this.host.files.write(bytesOf(place), Buffer.from(content));
    this.#own(place, mode, uid);
    utimesSync(place, longAgo, longAgo);
    this.host.files.setModified(inode, BigInt(longAgo) * 1_000_000_000n);
    return place;
  }

  link(target: string, path: string, uid = 0): string {
    const place = this.path(path);
    this.#above(place, uid);
    symlinkSync(target, place);
    const link = this.host.files.symlink(bytesOf(target), bytesOf(place));
    lchownSync(place, uid, uid);
    this.host.files.chown(link, uid, uid);
    return place;
  }

  hard(from: string, path: string, uid = 0): string {
    const place = this.path(path);
    this.#above(place, uid);
    linkSync(this.path(from), place);
    this.host.files.link(bytesOf(this.path(from)), bytesOf(place));
    return place;
  }

  fifo(path: string, uid = 0): string {
    const place = this.path(path);
    this.#above(place, uid);
    execFileSync('mkfifo', [place]);
    this.host.files.mkfifo(bytesOf(place));
    this.#own(place, 0o644, uid);
    return place;
  }

  /** Something else that a story does to both between two commands. */
  remove(path: string): void {
    const place = this.path(path);
    rmSync(place);
    this.host.files.unlink(bytesOf(place));
  }

  /** An empty one. */
  rmdir(path: string): void {
    rmdirSync(this.path(path));
    this.host.files.rmdir(bytesOf(this.path(path)));
  }

  /** Whether it is there, on both. */
  has(path: string): boolean {
    const here = existsSync(this.path(path));
    assert.equal(this.host.files.look(bytesOf(this.path(path))) !== undefined, here);
    return here;
  }

  /** Runs a command on both: output, status, complaints and all files afterwards must be the same. Gives what the model said. */
  async same(words: Words, how: How = {}): Promise<Answer> {
    const real = await this.#answer(this.#real, this.#sides.real, words, how);
    const model = await this.#answer(this.#model, this.#sides.model, words, how);
    assert.deepEqual(this.host.defects, []);
    assert.deepEqual(model, real);
    this.compare();
    return model;
  }

  /** The same for a script with its arguments. */
  script(text: string, args: readonly string[] | ((side: Side) => readonly string[]), how: How = {}): Promise<Answer> {
    return this.same((side) => ['sh', '-c', text, 'sh', ...(typeof args === 'function' ? args(side) : args)], how);
  }

  /** Starts a command on both to which something is said, line by line. */
  talk(words: Words, how: { readonly owner?: boolean; readonly normal?: (text: string) => string } = {}): Talk {
    const speaker = (remote: Remote, side: Side): Speaker => new Speaker(remote, side, this.#commandOf(side, words, how));
    const { real, model } = this.#sides;
    return new Talk(speaker(this.#real, real), speaker(this.#model, model), how.normal ?? ((text) => text));
  }

  /** All files must be the same on both now. */
  compare(): void {
    assert.deepEqual(this.host.defects, []);
    assert.deepEqual(this.#modelTree(), this.#realTree());
  }

  /** Waits until something is there on both. */
  async until(path: string): Promise<void> {
    while (
      !this.#test.signal.aborted &&
      (!existsSync(this.path(path)) || this.host.files.look(bytesOf(this.path(path))) === undefined)
    ) {
      await delay(20);
    }
  }

  #commandOf(side: Side, words: Words, { owner: byOwner }: Pick<How, 'owner'>): Command {
    const plain = typeof words === 'function' ? words(side) : words;
    for (const word of plain) {
      ranTexts.add(word);
    }
    const become = ['setpriv', `--reuid=${owner}`, `--regid=${owner}`, `--groups=${owner}`, '--'] as const;
    return byOwner === true ? [...become, 'sh', '-c', fromTopScript, 'sh', ...plain] : plain;
  }

  async #answer(remote: Remote, side: Side, words: Words, how: How): Promise<Answer> {
    const command = this.#commandOf(side, words, how);
    const normal = (text: string): string => how.normal?.(timeless(text), side) ?? timeless(text);
    const said: Uint8Array[] = [];
    try {
      for await (const chunk of remote.read(command, { input: how.input }, never)) {
        said.push(chunk);
      }
      return { stdout: normal(Buffer.concat(said).toString()), status: 0, message: '', stderr: '' };
    } catch (error) {
      if (!(error instanceof RemoteError)) {
        throw error;
      }
      const stderr = normal(error.stderr.replaceAll(/^((?:sh|twin): )\d+: /gm, '$1').replaceAll(/[‘’]/g, "'"));
      const heard = how.stderr === 'class' ? stderr.replaceAll(/^.*: /gm, '').split('\n').toSorted().join('\n') : stderr;
      const [message = ''] = error.message.replace(/^(?:local|twin): /, '').split(': ', 1);
      return { stdout: normal(Buffer.concat(said).toString()), status: error.status, message, stderr: heard };
    }
  }

  #above(place: string, uid: number): void {
    const above = place.slice(0, place.lastIndexOf('/'));
    if (this.host.files.look(bytesOf(above)) === undefined) {
      this.#above(above, uid);
      this.dir(above, { uid });
    }
  }

  #own(place: string, mode: number, uid: number): void {
    chownSync(place, uid, uid);
    chmodSync(place, mode);
    const inode = this.host.files.stat(bytesOf(place));
    this.host.files.chown(inode, uid, uid);
    this.host.files.chmod(inode, mode);
  }

  #realTree(): readonly string[] {
    const numbers = new Map<string, string>();
    return [this.root, this.other].flatMap((root) =>
      walk(root, (path) => (lstatSync(path).isDirectory() ? readdirSync(path) : [])).map((path) => {
        const stat = lstatSync(path);
        const kind = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : stat.isFIFO() ? 'pipe' : 'file';
        const content = kind === 'file' ? readFileSync(path) : kind === 'link' ? readlinkSync(path) : '';
        return line(
          {
            path,
            kind,
            mode: stat.mode & 0o7777,
            uid: stat.uid,
            gid: stat.gid,
            seconds: Math.floor(stat.mtimeMs / 1000),
            inode: `${stat.dev}:${stat.ino}`,
          },
          content,
          numbers,
        );
      }),
    );
  }

  #modelTree(): readonly string[] {
    const numbers = new Map<string, string>();
    const { files } = this.host;
    return [this.root, this.other].flatMap((root) =>
      walk(root, (path) =>
        files.stat(bytesOf(path), false).kind === 'directory' ? files.list(bytesOf(path)).map(textOf) : [],
      ).map((path) => {
        const { kind, mode, uid, gid, modified, disk, number, target, bytes } = files.stat(bytesOf(path), false);
        const content = kind === 'file' ? bytes : kind === 'link' ? textOf(target) : '';
        return line(
          { path, kind, mode, uid, gid, seconds: Number(modified / 1_000_000_000n), inode: `${disk.device}:${number}` },
          content,
          numbers,
        );
      }),
    );
  }
}

/** A moment of the past, in seconds since 1970: what has another time was changed by the command. */
const longAgo = 1_700_000_000;

interface Shown {
  readonly path: string;
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
  readonly inode: string;
}

/** All that must be the same about a file. Names that were drawn by chance are alike, and inodes are told by who has them too. */
function line(
  { path, kind, mode, uid, gid, seconds, inode }: Shown,
  content: Uint8Array | string,
  numbers: Map<string, string>,
): string {
  const name = drawn(path);
  const first = numbers.get(inode) ?? name;
  numbers.set(inode, first);
  const time = kind === 'file' ? (seconds === longAgo ? 'old' : 'new') : '';
  const sum =
    typeof content === 'string'
      ? content
      : `${content.byteLength} ${createHash('sha1').update(content).digest('hex').slice(0, 8)}`;
  return `${JSON.stringify(name)} ${kind} ${mode.toString(8)} ${uid}:${gid} ${time} ${sum}${first === name ? '' : ` is ${first}`}`;
}

/** As `find` prints it, without the moments of now, and without the sizes of directories, which the file system chooses. */
function timeless(text: string): string {
  return text.replaceAll(/\b(?!1700000000\.)\d{10}\.\d{10}\b/g, 'now').replaceAll(/(?<=^|\0)d\t\d+\t/g, 'd\tbytes\t');
}

function drawn(path: string): string {
  return path.replaceAll(/(?<=\.)[A-Za-z0-9]{8}$/g, 'XXXXXXXX');
}

function walk(path: string, list: (path: string) => readonly string[]): readonly string[] {
  const names = list(path).toSorted();
  return [path, ...names.flatMap((name) => walk(`${path}/${name}`, list))];
}

/** Those of this machine: their names are in what commands say. */
function accounts(): { readonly users: readonly User[]; readonly groups: readonly Group[] } {
  const lines = (path: string): readonly string[][] =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((each) => each.split(':'));
  const groups = lines('/etc/group').map(([name = '', , gid = '']) => ({ name, gid: Number(gid) }));
  const users = lines('/etc/passwd').map(([name = '', , uid = '', gid = '', , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
    ...(uid === '0' ? { sudo: 'anybody' as const } : {}),
  }));
  return { users, groups };
}
