"""Whether a device gives what the CPU gives: small valuations of the same inputs, and the game on one of them.

``python -m hedonic_graph.bench.devices`` compares in a process of its own.
"""

import json
import math
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from hedonic_graph.bench.draws import normal
from hedonic_graph.bench.kernel import Task
from hedonic_graph.bench.process import answer
from hedonic_graph.bench.valuations import Synergy, synergy
from hedonic_graph.game.top_cover import exact_top_cover
from hedonic_graph.models.mlp import Factors, Projections
from hedonic_graph.models.moments import Moments
from hedonic_graph.valuation import DEVICE_TOLERANCE
from hedonic_graph.valuation.oca import oca
from hedonic_graph.valuation.pas import pas

NEURONS = 1024


@dataclass(frozen=True)
class Difference:
    """How far a device is from the CPU in one result."""

    what: str
    largest: float
    """Of a valuation, relative to its largest entry; of a partition, the share of neurons that sit elsewhere."""
    tolerance: float

    @property
    def within(self) -> bool:
        """Whether the difference is one of rounding."""
        return self.largest <= self.tolerance


def differences(task: Task) -> list[Difference]:
    """Compare OCA, PAS and the exact partition of the CPU's PAS on ``task.device`` with the CPU's."""
    device = torch.device(task.device)
    n = min(NEURONS, task.sizes[-1])
    generator = torch.Generator().manual_seed(task.seed)
    given = synergy(task, n, generator)
    down, rows = given[0].tuned.down, normal(task.examples, n, generator) + 10
    expected = {"oca": oca(down, Moments.of(rows)), "pas": pas(*given)}
    there = {
        "oca": oca(down.to(device), Moments.of(rows.to(device))),
        "pas": pas(*_moved(given, device)),
    }
    found = [Difference(name, relative(there[name], phi), DEVICE_TOLERANCE) for name, phi in expected.items()]
    phi = expected["pas"]
    here, other = (exact_top_cover(one).partition.labels for one in (phi, phi.to(device)))
    # The game adds and compares in one order everywhere: of one phi there is one partition.
    return [*found, Difference("exact", float((here != other).mean()), 0.0)]


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest difference of two valuations, relative to the largest of ``expected``; inf where one is not finite.

    Raises ValueError for different shapes.
    """
    if found.shape != expected.shape:
        raise ValueError(f"{tuple(found.shape)} cannot be compared with {tuple(expected.shape)}")
    difference = float((found.to(expected.device) - expected).abs().max())
    largest = float(expected.abs().max())
    if not (math.isfinite(difference) and math.isfinite(largest)):
        return math.inf
    return difference / largest if largest else (math.inf if difference else 0.0)


def _moved(given: Synergy, device: torch.device) -> Synergy:
    block, readout, y, tuned, base = given
    step, weights = block.down_step, block.tuned
    assert step is not None and step.right is not None
    there = Projections(up=weights.up.to(device), down=weights.down.to(device))
    factors = Factors(step.left.to(device), step.right.to(device))
    moved = replace(block, tuned=there, base=there, down_step=factors)
    return moved, readout.to(device), y.to(device), tuned.to(device), base.to(device)


if __name__ == "__main__":
    answer(lambda question: {"differences": [asdict(one) for one in differences(Task(**json.loads(question)))]})
