"""Runs a program at a terminal of its own, closes that once the program has said a word, and prints the program's exit code.
Fails when it ends without that word.

lose-terminal.py WORD PROGRAM [ARGUMENT...]
"""

import os
import pty
import sys

word, program = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program[0], program)
said = b""
while word not in said:
    try:
        said += os.read(terminal, 4096)
    except OSError:
        sys.exit(f"it ended without having said {sys.argv[1]}")
os.close(terminal)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
