"""Work in a process of its own, so that the memory it is measured by is that of the work alone."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from hedonic_graph.errors import UserError

END_WITHIN = 20.0


def ask(module: str, question: str) -> dict[str, Any]:
    """Run ``python -m MODULE``, whose end is :func:`answer`, and return its answer.

    The question goes through standard input, where no other user of the machine sees a password. Raises UserError
    where the process says what is wrong, and ends it where this one is interrupted.
    """
    # In a group of its own: Ctrl-C is passed on once, so that it ends in order and nothing is written after it.
    with subprocess.Popen(
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            output, _ = process.communicate(question)
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if process.returncode:
        raise RuntimeError(f"the process of {module} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output)
    if "error" in found:
        raise UserError(found["error"])
    return found


def answer(work: Callable[[str], dict[str, Any]]) -> None:
    """Give what ``work`` makes of standard input as JSON on standard output."""
    try:
        found = work(sys.stdin.read())
    except UserError as error:
        found = {"error": str(error)}
    except KeyboardInterrupt:
        # The process that started this one says so.
        sys.exit(130)
    print(json.dumps(found))
