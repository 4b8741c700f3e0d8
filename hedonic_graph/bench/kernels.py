"""What each computation costs at a size, beside a plain reference or the matrix products that it cannot avoid.

``python -m hedonic_graph.bench.kernels`` measures kernels, each at several sizes, as it is asked.
"""

import gc
import json
from dataclasses import asdict, dataclass

import torch

from hedonic_graph.bench.flows import FLOWS
from hedonic_graph.bench.games import GAMES
from hedonic_graph.bench.kernel import Kernel, Task, timed
from hedonic_graph.bench.machine import forget_peak, peak
from hedonic_graph.bench.process import answer
from hedonic_graph.bench.valuations import VALUATIONS

SMALLEST = 64
"""Neurons."""

KERNELS: dict[str, Kernel] = {**VALUATIONS, **GAMES, **FLOWS}


@dataclass(frozen=True)
class Cost:
    """What one kernel took at one size."""

    kernel: str
    n: int
    seconds: float
    compared: float
    """Seconds of the part that is held against a reference: all of it, or the first round of a sampled game."""
    reference: float | None
    """Seconds of the reference; None where it is held against nothing."""
    peak: int
    """Bytes held at most meanwhile, inputs among them: by the process, or on a GPU by its arrays."""
    inputs: int
    """Bytes held when it began."""
    rounds: int | None = None
    """Of a game."""
    note: str | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the reference."""
        return None if self.reference is None else self.compared / self.reference


def measure(task: Task) -> list[Cost]:
    """Run one kernel at all sizes in this process.

    Where the system cannot forget the most that it held (other than Linux), what is held at a size is no less than
    at those before it, which are smaller.
    """
    device, kernel = torch.device(task.device), KERNELS[task.kernel]
    # The first call of many operations loads what the next ones use.
    kernel.prepare(task, SMALLEST, torch.Generator(device).manual_seed(task.seed)).ours()
    found = []
    for n in task.sizes:
        gc.collect()
        prepared = kernel.prepare(task, n, torch.Generator(device).manual_seed(task.seed))
        _forget(device)
        before = _held(device)
        took, result = timed(prepared.ours, device)
        # Some of what a process holds is counted late.
        most = max(before, _held(device))
        figure = prepared.figure(result)
        del result
        took = took if figure.seconds is None else figure.seconds
        compared = took if figure.compared is None else figure.compared
        reference = None if prepared.reference is None else prepared.reference()
        notes = [one for one in (figure.note, reference.note if reference else None) if one]
        found.append(
            Cost(
                task.kernel,
                n,
                took,
                compared,
                reference.seconds if reference else None,
                most,
                before,
                figure.rounds,
                "; ".join(notes) or None,
            )
        )
        del prepared
    return found


def _forget(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        forget_peak()


def _held(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak()


if __name__ == "__main__":
    answer(lambda question: {"costs": [asdict(one) for one in measure(Task(**json.loads(question)))]})
