"""Work in a process of its own, so that the memory it is measured by is that of the work alone."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from hedonic_graph.errors import UserError

END_WITHIN = 20.0


class Worker:
    """A process of ``python -m MODULE``, whose end is :func:`answer`, that takes one question after the other.

    Questions go through standard input, where no other user of the machine sees a password. It is ended where this
    process is interrupted.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        # In a group of its own: Ctrl-C is passed on once, so that it ends in order and nothing is written after it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
        )

    def __enter__(self) -> "Worker":
        return self

    def ask(self, question: str) -> dict[str, Any]:
        """Return the answer to a question of one line; raises UserError where the process says what is wrong."""
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self._module} ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise UserError(found["error"])
        return found

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        if kind is not None:
            self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def ask(module: str, question: str) -> dict[str, Any]:
    """Ask a process of its own one question; the rest is as in :class:`Worker`."""
    with Worker(module) as worker:
        return worker.ask(question)


def answer(work: Callable[[str], dict[str, Any]]) -> None:
    """Give what ``work`` makes of each line of standard input as a line of JSON on standard output."""
    try:
        for question in sys.stdin:
            try:
                found = work(question)
            except UserError as error:
                found = {"error": str(error)}
            print(json.dumps(found), flush=True)
    except KeyboardInterrupt:
        # The process that started this one says so.
        sys.exit(130)
