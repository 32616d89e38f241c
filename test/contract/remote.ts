import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Remote } from '../../src/cluster/remote.ts';
import { RemoteError } from '../../src/model/errors.ts';
import { never } from '../support/never.ts';

export interface RemoteUnderTest {
  readonly remote: Remote;
  readonly stop: () => Promise<void>;
  /** Those of the host's processes, words ended by NUL; this machine's if not given. */
  readonly commandLines?: () => readonly string[];
}

/** Whether a process with exactly this command line runs: the hosts of these tests share this machine's processes. */
export function isRunning(line: string, lines: readonly string[] = commandLines()): boolean {
  return lines.includes(`${line.replaceAll(' ', '\0')}\0`);
}

/** Whether any process has this word in its command line: the command itself, or a shell that is about to become it. */
export function isMentioned(token: string, lines: readonly string[] = commandLines()): boolean {
  return lines.some((line) => line.includes(token));
}

function commandLines(): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8')];
    } catch {
      return [];
    }
  });
}

/** What every Remote promises (src/cluster/remote.ts). The commands are those of any POSIX host. */
export function remoteContract(name: string, start: () => Promise<RemoteUnderTest>, skip?: string): void {
  describe(`contract of a Remote: ${name}`, { skip: skip ?? false }, () => {
    let subject: RemoteUnderTest;
    const remote = (): Remote => subject.remote;
    before(async () => {
      subject = await start();
    });
    after(() => subject.stop());

    test('run gives standard output as text and leaves standard error out', async () => {
      assert.equal(
        await remote().run(['sh', '-c', 'echo grüß dich; echo noise >&2; printf "  end\\n\\n"'], {}, never),
        'grüß dich\n  end\n\n',
      );
    });

    test('arguments arrive exactly as given, whatever they hold', async () => {
      const words = [
        '',
        ' ',
        "it's",
        '"',
        '\\',
        '\\n',
        '\\0041',
        '$HOME',
        '`id`',
        '!!',
        '*',
        '~',
        'a\nb\n',
        '\t',
        'ä€😀',
        '-n',
        '%s',
        '\u001e',
        '&&',
        ';',
        '#',
      ];
      const output = await remote().run(['sh', '-c', 'for word do printf "%s\\0" "$word"; done', 'sh', ...words], {}, never);
      assert.deepEqual(output.split('\0').slice(0, -1), words);
    });

    test('a status other than 0 is an error with command, status and the end of standard error', async () => {
      const failing = remote().run(['sh', '-c', 'echo out; echo first >&2; echo the reason >&2; exit 7'], {}, never);
      await assert.rejects(failing, (error: unknown) => {
        assert.ok(error instanceof RemoteError);
        assert.equal(error.status, 7);
        assert.equal(error.stderr, 'first\nthe reason');
        assert.match(error.command, /^sh -c /);
        assert.match(error.message, /exited with status 7: the reason$/);
        assert.equal(error.transient, false);
        return true;
      });
    });

    test('read yields what was printed before it throws for the status', async () => {
      const seen: Uint8Array[] = [];
      await assert.rejects(async () => {
        for await (const chunk of remote().read(['sh', '-c', 'echo some; exit 3'], {}, never)) {
          seen.push(chunk);
        }
      }, RemoteError);
      assert.equal(Buffer.concat(seen).toString(), 'some\n');
    });

    test('a program that does not exist is named', async () => {
      await assert.rejects(remote().run(['no-such-program', 'x'], {}, never), /program not found: no-such-program/);
    });

    test('a program that a script does not find is named', async () => {
      await assert.rejects(remote().run(['sh', '-c', 'absent-tool --version'], {}, never), /program not found: absent-tool/);
    });

    test('a command ended by a signal is an error without a status', async () => {
      await assert.rejects(remote().run(['sh', '-c', 'kill -9 $$'], {}, never), (error: unknown) => {
        assert.ok(error instanceof RemoteError);
        assert.equal(error.status, undefined);
        assert.match(error.message, /SIGKILL/);
        return true;
      });
    });

    test('only the last part of a long standard error is kept', async () => {
      const flood = ['sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x >&2; echo last >&2; exit 1'] as const;
      await assert.rejects(remote().run(flood, {}, never), (error: unknown) => {
        assert.ok(error instanceof RemoteError);
        assert.ok(error.stderr.length <= 2048 && error.stderr.endsWith('last'));
        return true;
      });
    });

    test('without input, standard input is empty', async () => {
      assert.equal(await remote().run(['cat'], {}, never), '');
    });

    test('input of every kind arrives whole', async () => {
      async function* parts(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('three ');
        await delay(5);
        yield Buffer.from('parts');
      }
      assert.equal(await remote().run(['cat'], { input: 'text' }, never), 'text');
      assert.equal(await remote().run(['cat'], { input: Buffer.from('bytes') }, never), 'bytes');
      assert.equal(await remote().run(['cat'], { input: '' }, never), '');
      assert.equal(await remote().run(['cat'], { input: parts() }, never), 'three parts');
    });

    test('32 MiB go in and come back unharmed', async () => {
      const block = Buffer.alloc(1 << 20);
      for (let at = 0; at < block.length; at += 1) {
        block[at] = (at * 7919) >> 3;
      }
      async function* blocks(): AsyncGenerator<Uint8Array> {
        for (let count = 0; count < 32; count += 1) {
          yield block;
        }
      }
      const whole = Buffer.alloc(32 << 20);
      let length = 0;
      for await (const chunk of remote().read(['cat'], { input: blocks() }, never)) {
        whole.set(chunk, length);
        length += chunk.length;
      }
      assert.equal(length, whole.length);
      for (let at = 0; at < length; at += block.length) {
        assert.ok(whole.subarray(at, at + block.length).equals(block));
      }
    });

    test('a command may end well without reading its input', async () => {
      let closed = false;
      async function* endless(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) {
            yield Buffer.alloc(65_536, 0x61);
          }
        } finally {
          closed = true;
        }
      }
      assert.equal(await remote().run(['head', '-c', '3'], { input: endless() }, never), 'aaa');
      for (let wait = 0; !closed && wait < 100; wait += 1) {
        await delay(20);
      }
      assert.ok(closed, 'the input was not closed');
    });

    test('an input that fails fails the command with its own error', async () => {
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('half');
        throw new Error('source is gone');
      }
      await assert.rejects(remote().run(['sh', '-c', 'cat >/dev/null; sleep 30'], { input: broken() }, never), /source is gone/);
    });

    test('an abort throws its reason at once and ends the command', async () => {
      const token = `3${Math.floor(Math.random() * 1e8)}`;
      const stop = new AbortController();
      const reason = new Error('enough');
      const sleeping = remote().run(['sleep', token], {}, stop.signal);
      while (!isRunning(`sleep ${token}`, subject.commandLines?.())) {
        await delay(20);
      }
      const began = Date.now();
      stop.abort(reason);
      await assert.rejects(sleeping, (error) => error === reason);
      assert.ok(Date.now() - began < 1000);
      await isGone(token);
    });

    test('commands that have ended, well or not, listen to their signal no more', async () => {
      const { signal } = new AbortController();
      for (let round = 0; round < 3; round += 1) {
        await remote().run(['true'], {}, signal);
        await assert.rejects(remote().run(['false'], {}, signal));
        for await (const chunk of remote().read(['cat', '/dev/zero'], {}, signal)) {
          if (chunk.length > 0) {
            break;
          }
        }
      }
      assert.equal(getEventListeners(signal, 'abort').length, 0);
    });

    test('an aborted signal starts nothing', async () => {
      await assert.rejects(remote().run(['true'], {}, AbortSignal.abort(new Error('too late'))), /too late/);
    });

    test('a consumer that stops early ends the command', async () => {
      const token = `4${Math.floor(Math.random() * 1e8)}`;
      for await (const chunk of remote().read(['sh', '-c', `echo begun; exec sleep ${token}`], {}, never)) {
        assert.equal(Buffer.from(chunk).toString(), 'begun\n');
        break;
      }
      await isGone(token);
    });

    test('20 commands at once all give their own output', async () => {
      const outputs = await Promise.all(
        Array.from({ length: 20 }, (_value, index) => remote().run(['sh', '-c', `sleep 0.05; echo ${index}`], {}, never)),
      );
      assert.deepEqual(
        outputs,
        Array.from({ length: 20 }, (_value, index) => `${index}\n`),
      );
    });

    async function isGone(token: string): Promise<void> {
      for (let wait = 0; wait < 100 && isMentioned(token, subject.commandLines?.()); wait += 1) {
        await delay(50);
      }
      assert.ok(!isMentioned(token, subject.commandLines?.()), 'still running');
    }
  });
}
