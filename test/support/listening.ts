import { spawn } from 'node:child_process';
import { once } from 'node:events';

const listen = `import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((sys.argv[1], int(sys.argv[2]))); s.listen()
print(s.getsockname()[1], flush=True); sys.stdin.read()`;

export interface Wish {
  /** The user whose socket it is; the test's own unless given. */
  readonly uid?: number;
  readonly address?: string;
  /** Any that is free unless given. */
  readonly port?: number;
}

/** A socket that listens for as long as the test lasts, and answers nobody: its port. */
export async function listening(
  t: { after(task: () => void): void },
  { uid, address = '127.0.0.1', port = 0 }: Wish = {},
): Promise<number> {
  const user = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn('/usr/bin/python3', ['-c', listen, address, String(port)], {
    ...user,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill());
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(said.toString());
}
