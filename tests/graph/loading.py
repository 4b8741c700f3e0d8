"""A loader in a process of its own, for tests that kill it: one line on standard output after each batch.

``python loading.py SETTINGS``, a JSON object: address, analysis, model_id, batch (rows), pause (seconds after each).
"""

import json
import sys
import time
from typing import Any


class Told:
    """A progress bar that says each step aloud."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def update(self, steps: float = 1) -> None:
        print(steps, flush=True)
        time.sleep(self.pause)

    def set_postfix_str(self, remark: str) -> None:
        pass

    def close(self) -> None:
        pass


def load(settings: dict[str, Any]) -> None:
    from graph.drawn import Drawn

    from hedonic_graph.graph.loader import ingest
    from hedonic_graph.graph.store import connect, resolve

    with connect(resolve(**settings["address"])) as store:
        store.batch = settings["batch"]
        ingest(
            Drawn(analysis=settings["analysis"], model_id=settings["model_id"]),
            store,
            progress=lambda *_, **__: Told(settings["pause"]),
        )


if __name__ == "__main__":
    load(json.loads(sys.argv[1]))
