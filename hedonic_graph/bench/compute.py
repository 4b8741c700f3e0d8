"""``bench compute``: valuations, games and lineage at size, as ratios, and how they grow with the layer."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hedonic_graph import tables
from hedonic_graph.bench.kernels import AGAINST, SMALLEST, Cost, Task
from hedonic_graph.bench.machine import described, machine
from hedonic_graph.bench.process import ask
from hedonic_graph.errors import UserError
from hedonic_graph.pipeline.context import device_of
from hedonic_graph.progress import bar

_GB = 1e9


@dataclass(frozen=True)
class Plan:
    """Sizes to measure."""

    neurons: tuple[int, ...]
    """Ascending."""
    examples: int
    width: int
    """Of the residual stream."""
    device: str = "cpu"
    seed: int = 0


FULL = Plan((1024, 2048, 4096, 8192, 14336, 16384), examples=1024, width=4096)
QUICK = Plan((512, 1024, 2048), examples=256, width=1024)


@dataclass(frozen=True)
class Report:
    """What was measured."""

    machine: dict[str, Any]
    """As it was before (``machine``)."""
    plan: Plan
    costs: list[Cost]

    def growth(self, kernel: str) -> float | None:
        """The exponent e of seconds ~ n^e, fitted to the upper half of the sizes; None for fewer than two."""
        costs = [cost for cost in self.costs if cost.kernel == kernel]
        upper = costs[len(costs) // 2 :] if len(costs) > 2 else costs
        if len(upper) < 2:
            return None
        return float(np.polyfit([math.log(cost.n) for cost in upper], [math.log(cost.seconds) for cost in upper], 1)[0])

    def record(self) -> dict[str, Any]:
        """Return all of it for JSON; memory in bytes, times in seconds."""
        return {
            "bench": "compute",
            "machine": self.machine,
            "plan": asdict(self.plan),
            "costs": [asdict(cost) | {"ratio": cost.ratio} for cost in self.costs],
            "growth": {kernel: self.growth(kernel) for kernel in AGAINST},
        }

    def text(self) -> str:
        """Return it for people."""
        plan = self.plan
        columns = ("computation", "neurons", "seconds", "rounds", "against", "ratio", "peak GB", "inputs GB")
        rows = [
            (
                cost.kernel,
                cost.n,
                round(cost.seconds, 3),
                cost.rounds,
                AGAINST[cost.kernel],
                None if cost.ratio is None else f"{cost.ratio:.2g}",
                round(cost.peak / _GB, 2),
                round(cost.inputs / _GB, 2),
            )
            for cost in self.costs
        ]
        growth = ", ".join(f"{name} {one:.2f}" for name in AGAINST if (one := self.growth(name)) is not None)
        lines = [
            *described(self.machine),
            f"on {plan.device}: {plan.examples:,} examples, width {plan.width:,}, random weights of LoRA rank 8",
            "",
            tables.render(columns, rows),
            "Ratio: ours over what it stands against; of pac, its first round, with all that it draws. Peak is the "
            "most memory held, inputs what was held of it before.",
        ]
        if growth:
            lines.append(f"Exponents of growth with the number of neurons, over the upper half of the sizes: {growth}.")
        return "\n".join(lines)


def bench(plan: Plan) -> Report:
    """Measure each kernel at each size, one process each; raises UserError for a device that is not there."""
    device_of(plan.device)
    if list(plan.neurons) != sorted(set(plan.neurons)) or plan.neurons[0] < SMALLEST:
        raise UserError(f"name each number of neurons once, the smallest first and none below {SMALLEST}")
    before = machine()
    costs = []
    progress = bar("measure", len(AGAINST), unit="computation")
    for kernel in AGAINST:
        progress.set_postfix_str(kernel)
        task = Task(kernel, plan.neurons, plan.examples, plan.width, plan.device, plan.seed)
        found = ask("hedonic_graph.bench.kernels", json.dumps(asdict(task)))
        costs += [Cost(**one) for one in found["costs"]]
        progress.update()
    progress.close()
    return Report(before, plan, costs)
