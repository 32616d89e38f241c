"""Runs a program at a terminal of its own, answers its question once nothing was written for a while, and prints what it wrote.

answer-terminal.py QUESTION ANSWER PROGRAM [ARGUMENT...]

What was written while it waited for the answer is marked: <<< before, >>> behind. Ends with the program's exit code.
"""

import os
import pty
import select
import sys

question, answer, program = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program[0], program)
said = b""
asked = answered = False
while True:
    # A second is ten drawings of a bar.
    ready = select.select([terminal], [], [], 1 if asked and not answered else None)[0]
    if not ready:
        said += b">>>"
        answered = True
        os.write(terminal, answer + b"\r")
        continue
    try:
        said += os.read(terminal, 4096)
    except OSError:
        break
    if not asked and question in said:
        said += b"<<<"
        asked = True
    if asked and not answered and len(said) > 100_000:
        sys.exit("it goes on writing while it asks")
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(said)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(status))
