"""Write parts: one batch after the other, several layers at a time."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from hedonic_graph.errors import UserError
from hedonic_graph.graph.calls import Calls
from hedonic_graph.graph.parts import Part, State, states
from hedonic_graph.graph.rows import Load
from hedonic_graph.graph.store import Rows
from hedonic_graph.progress import Progress

# Seconds that a writer has to finish its batch after another one failed or the user interrupted.
FINISH_WITHIN = 10.0


class Changed(Exception):
    """A part went, or is going, while it was being written: what became of its run says why."""


class _NotThisBatch(Exception):
    """The part is not where this batch begins: another loader wrote it, or an answer was lost on its way."""


class Counter:
    """Rows sent, and their progress bar, for several writers."""

    def __init__(self, progress: Progress) -> None:
        self.rows = 0
        self._progress = progress
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        """Count rows that were written."""
        with self._lock:
            self.rows += rows
            self._progress.update(rows)

    def say(self, remark: str) -> None:
        """Show a remark at the end of the bar."""
        with self._lock:
            self._progress.set_postfix_str(remark)


class PartWriter:
    """Writes parts through one connection, for several threads; tables are read by one of them at a time."""

    def __init__(self, calls: Calls, counter: Counter) -> None:
        self._calls = calls
        self._counter = counter
        self._reading = threading.Lock()
        self.ended = threading.Event()

    def stop(self, error: BaseException | None) -> None:
        """Let every thread stop after its batch; one that waits for the server waits on where a part only changed."""
        self.ended.set()
        if not isinstance(error, Changed):
            self._calls.end()

    def write(self, part: Part, state: State | None) -> int:
        """Write what the graph does not have of a part yet, and return how many rows it has then.

        Raises Changed where it goes meanwhile, and UserError where its table does not hold what it should.
        """
        if state is not None and state.rows is not None:
            return state.rows
        with self._reading:
            table = part.table()
        self._counter.say(part.id.rpartition("/L")[2])
        while not self.ended.is_set():
            if state is None or state.status == "deleting" or state.fingerprint != part.fingerprint:
                raise Changed
            if state.rows is not None:
                return state.rows
            assert state.step is not None and state.batch is not None
            number = 0
            for number, (load, first, last) in enumerate(table.batches(state.batch), start=1):
                if number <= state.step:
                    continue
                if self.ended.is_set():
                    break
                if not self._batch(part, state.batch, number, load, first, last):
                    break
            else:
                values = _marker(part, state.batch, number) | {"kind": part.kind, "counts": table.counts}
                if self._calls.write("load/part", values)[0]["written"]:
                    return table.counts["rows"]
            state = states(self._calls, [part.id]).get(part.id)
        raise Changed

    def _batch(self, part: Part, batch: int, number: int, load: Load, first: int, last: int) -> bool:
        """Write one batch; False where another loader did, or the part is not where it begins."""

        def check(rows: Rows) -> None:
            written = rows.values[0][0] if rows.values else 0
            if written == 0:
                raise _NotThisBatch
            if written != last - first:
                raise _lacking(part, last - first - written, last - first)

        values = _marker(part, batch, number) | load.values(first, last)
        try:
            self._calls.write(f"load/{load.statement}", values, check)
        except _NotThisBatch:
            state = states(self._calls, [part.id]).get(part.id)
            if state is not None and state.status == "loading" and (state.batch, state.step) == (batch, number - 1):
                # The batch's own turn, and none of its rows found its ends.
                raise _lacking(part, last - first, last - first) from None
            return False
        self._counter.add(last - first)
        return True


def write_all(
    writer: PartWriter, layers: Mapping[int, Sequence[Part]], known: Mapping[str, State], threads: int
) -> dict[str, int]:
    """Write the parts of several layers, each layer's by one thread, and return how many rows each part has.

    The threads stay in layers apart, so that they rarely touch the same coalitions.
    """
    queue = deque(_apart(list(layers.values()), threads))
    written: dict[str, int] = {}

    def work() -> None:
        while not writer.ended.is_set():
            try:
                parts = queue.popleft()
            except IndexError:
                return
            for part in parts:
                written[part.id] = writer.write(part, known.get(part.id))

    if threads == 1:
        work()
    else:
        _together(writer, work, threads)
    return written


def _together(writer: PartWriter, work: Callable[[], None], threads: int) -> None:
    """Do the work in several threads; the first error ends all of them and is raised."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
            writer.stop(error)

    # Daemons: a server that does not answer must not keep an interrupted program from ending.
    pool = [threading.Thread(target=guarded, daemon=True) for _ in range(threads)]
    try:
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    except BaseException as error:
        writer.stop(error)
        for thread in pool:
            thread.join(FINISH_WITHIN)
        raise
    if failed:
        # What a user can put right says more than that another writer stopped for it.
        raise next((error for error in failed if not isinstance(error, Changed)), failed[0])


def _marker(part: Part, batch: int, number: int) -> dict[str, object]:
    return {"part": part.id, "fingerprint": part.fingerprint, "batch": batch, "number": number}


def _lacking(part: Part, missing: int, count: int) -> UserError:
    return UserError(
        f"{missing:,} of {count:,} rows of {part.id} name a neuron or coalition that the graph does not have: "
        "nothing of them was written"
    )


def _apart(layers: list[Sequence[Part]], threads: int) -> list[Sequence[Part]]:
    """Order layers so that those taken one after the other are far apart: 7, 11, 8, 12, ... for two threads."""
    stride = -(-len(layers) // threads) if layers else 1
    return [layer for start in range(stride) for layer in layers[start::stride]]
