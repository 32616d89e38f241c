import { chunkOf } from '../bytes.ts';
import { Disk } from '../files/disk.ts';
import { type Entries, Inode, type Kind, type Permissions } from '../files/inode.ts';
import type { Host } from '../host.ts';
import type { Process } from './process.ts';

/** A socket that listens, as /proc/net/tcp shows it. */
export interface Listening {
  readonly port: number;
  /** Four numbers with dots; `0.0.0.0` for all. */
  readonly address: string;
  readonly uid: number;
}

/** Has the kernel's files stand at `/proc`: of each process what scripts ask, and who listens. They are made when they are looked at. */
export function mountProc(host: Host): void {
  const disk = new Disk(0x15, 0, host.tree.now());
  const proc = host.files.mkdirs('/proc');
  const { root } = disk;
  root.links = 1;
  root.mode = 0o555;
  root.parent = proc.parent;
  root.name = 'proc';
  proc.covered = root;
  const maker = new Maker(disk);
  root.entries = made(
    () => [...host.processes.all().map(({ pid }) => String(pid)), 'net'],
    (name) => {
      if (name === 'net') {
        return maker.directory(root, name, { tcp: () => maker.file(netTcp(host.listening)) });
      }
      const process = /^\d+$/.test(name) ? host.processes.get(Number(name)) : undefined;
      return process === undefined ? undefined : processDirectory(maker, root, process);
    },
  );
}

function processDirectory(maker: Maker, root: Inode, process: Process): Inode {
  const { uid, gid } = process.who;
  const own = { uid, gid };
  const stat = (): Inode => maker.file(statLine(process), { ...own, mode: 0o444 });
  const directory: Inode = maker.directory(
    root,
    String(process.pid),
    {
      cmdline: () => maker.file(process.argv.map((word) => `${word}\0`).join(''), { ...own, mode: 0o444 }),
      status: () =>
        maker.file(
          `Name:\t${commOf(process)}\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t${process.pid}\nPPid:\t${process.parent}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t${gid}\t${gid}\t${gid}\t${gid}\n`,
          { ...own, mode: 0o444 },
        ),
      stat,
      exe: () => maker.magic('', () => process.exe, own),
      cwd: () => maker.magic('', () => process.cwd, own),
      task: () =>
        maker.directory(
          directory,
          'task',
          { [process.pid]: () => maker.directory(directory, String(process.pid), { stat }, own) },
          own,
        ),
      fd: () =>
        maker.directory(
          directory,
          'fd',
          Object.fromEntries(
            [...process.descriptors()].map(([number, { path, inode }]) => [number, () => maker.magic(path, () => inode, own)]),
          ),
          { ...own, mode: 0o500 },
        ),
    },
    own,
  );
  return directory;
}

function commOf({ argv: [program = ''] }: Process): string {
  return program.slice(program.lastIndexOf('/') + 1).slice(0, 15);
}

/** proc(5): the fields that scripts ask are the group and when it was started. */
function statLine(process: Process): string {
  const fields = [
    'S',
    process.parent,
    process.group,
    process.group,
    0,
    -1,
    ...Array.from({ length: 13 }, () => 0),
    process.startTicks,
    0,
    0,
  ];
  return `${process.pid} (${commOf(process)}) ${fields.join(' ')}\n`;
}

function netTcp(sockets: readonly Listening[]): string {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  const hex = (number: number, digits: number): string => number.toString(16).toUpperCase().padStart(digits, '0');
  const lines = sockets.map(({ port, address, uid }, index) => {
    const bytes = address.split('.').map(Number).toReversed();
    const local = `${bytes.map((byte) => hex(byte, 2)).join('')}:${hex(port, 4)}`;
    return `${String(index).padStart(4)}: ${local} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${1000 + index} 1\n`;
  });
  return head + lines.join('');
}

class Maker {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  file(content: string, owner: Partial<Permissions> = {}): Inode {
    const file = this.#inode('file', { mode: 0o444, ...owner });
    file.write(0, chunkOf(content));
    return file;
  }

  magic(target: string, leadsTo: () => Inode | undefined, owner: Partial<Permissions>): Inode {
    const link = this.#inode('link', { mode: 0o777, ...owner });
    link.target = target;
    link.magic = leadsTo;
    return link;
  }

  directory(
    parent: Inode,
    name: string,
    entries: Readonly<Record<string, () => Inode>>,
    owner: Partial<Permissions> = {},
  ): Inode {
    const directory = this.#inode('directory', { mode: 0o555, ...owner });
    directory.parent = parent;
    directory.name = name;
    directory.entries = made(
      () => Object.keys(entries),
      (wanted) => (Object.hasOwn(entries, wanted) ? entries[wanted]?.() : undefined),
    );
    return directory;
  }

  #inode(kind: Kind, { mode = 0, uid = 0, gid = 0 }: Partial<Permissions>): Inode {
    const inode = new Inode(this.#disk, this.#disk.nextInode(), kind, { mode, uid, gid }, 0n);
    inode.links = 1;
    return inode;
  }
}

/** Entries that are made when they are asked for, and cannot be changed. */
function made(names: () => readonly string[], get: (name: string) => Inode | undefined): Entries {
  return {
    get size() {
      return names().length;
    },
    get,
    set: () => {
      throw new Error('nobody makes files in /proc');
    },
    delete: () => false,
    keys: () => names(),
  };
}
