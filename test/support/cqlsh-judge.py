"""What a cqlsh makes of texts that it reads from standard input, with no server to ask.

    python cqlsh-judge.py FOLDER    a folder that a cqlsh was installed in; standard input: a JSON list of texts

prints a list for each text of what became of it: ["statement", its text] for the server, ["command", its name] for one of
cqlsh's own, ["error", why], or ["open", the rest] for what has no end. All that takes a text apart is cqlsh's.
"""

import importlib.machinery
import io
import json
import os
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PLACES = ["cqlshlib/cqlshmain.py", "cqlsh/cqlsh.py", "bin/cqlsh"]
"""Since 5.0, in 4.1, and in 4.0, each in a package of its own."""


def load(folder: str) -> Any:
    path = next(place for place in (os.path.join(folder, each) for each in PLACES) if os.path.exists(place))
    sys.path.insert(0, folder)
    sys.argv = [path]
    module = types.ModuleType("judged_cqlsh")
    module.__file__ = path
    sys.modules[module.__name__] = module
    importlib.machinery.SourceFileLoader(module.__name__, path).exec_module(module)
    return module


def judge_of(shell: Any) -> Any:
    class Judge(shell):  # type: ignore[misc]
        def __init__(self, text: str) -> None:
            self.events: list[list[str]] = []
            # As sys.stdin reads bytes: with every way to end a line.
            self.stdin = io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogatepass")), encoding="utf-8", newline=None)
            self.statement = io.StringIO()
            self.tty = self.stop = self.debug = self.in_comment = self.statement_error = False
            self.show_line_nums = True
            self.single_statement = None
            self.lineno = 1
            self.empty_lines = 0
            self.last_hist = self.prompt = ""
            self.encoding = "utf-8"

        @contextmanager
        def prepare_loop(self) -> Iterator[None]:
            yield

        def set_prompt(self, *_: Any) -> None:
            pass

        def set_continue_prompt(self) -> None:
            pass

        def reset_statement(self) -> None:
            self.statement = io.StringIO()

        def perform_statement(self, statement: str) -> None:
            self.events.append(["statement", statement])

        def handle_parse_error(self, cmdword: str, *_: Any) -> None:
            self.events.append(["command", cmdword])

        def do_select(self, parsed: Any) -> None:
            self.events.append(["statement", parsed.extract_orig()])

        def printerr(self, text: Any, *_: Any, **__: Any) -> None:
            self.events.append(["error", str(text)])

        def handle_eof(self) -> None:
            rest = self.statement.getvalue()
            if rest.strip() and not self.onecmd(rest):
                self.events.append(["open", rest])
            self.stop = True

    def recording(name: str) -> Callable[..., None]:
        return lambda self, *_: self.events.append(["command", name])

    for name in dir(shell):
        if name.startswith("do_") and name != "do_select":
            setattr(Judge, name, recording(name))
    return Judge


def main() -> None:
    texts = json.load(sys.stdin)
    module = load(sys.argv[1])
    module.setup_cqlruleset(module.cql3handling)
    judge = judge_of(module.Shell)
    results = []
    for text in texts:
        shell = judge(text)
        try:
            shell.cmdloop()
        except Exception as error:
            shell.events.append(["error", repr(error)])
        results.append(shell.events)
    json.dump(results, sys.stdout)


main()
