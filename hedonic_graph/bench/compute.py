"""``bench compute``: valuations, games and lineage at size, as ratios, and how they grow with the layer."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from hedonic_graph import tables
from hedonic_graph.bench.devices import Difference
from hedonic_graph.bench.kernel import Task
from hedonic_graph.bench.kernels import KERNELS, SMALLEST, Cost
from hedonic_graph.bench.machine import described, machine
from hedonic_graph.bench.process import Worker
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

    def sizes(self, kernel: str) -> tuple[int, ...]:
        """Those that a kernel is measured at."""
        if KERNELS[kernel].everywhere:
            return self.neurons
        last = len(self.neurons) - 1
        return tuple(self.neurons[place] for place in sorted({0, last // 2, last}))


FULL = Plan((1024, 2048, 4096, 8192, 14336, 16384), examples=1024, width=4096)
QUICK = Plan((512, 1024, 2048), examples=256, width=1024)


@dataclass(frozen=True)
class Report:
    """What was measured."""

    machine: dict[str, Any]
    """As it was before (``machine``)."""
    plan: Plan
    costs: list[Cost]
    differences: list[Difference]
    """Of the device from the CPU; none where it is the CPU."""

    @property
    def within(self) -> bool:
        """Whether the device gives what the CPU gives."""
        return all(one.within for one in self.differences)

    def growth(self, kernel: str) -> float | None:
        """The exponent e of seconds ~ n^e, fitted over all sizes; None for fewer than two."""
        costs = [cost for cost in self.costs if cost.kernel == kernel]
        if len(costs) < 2:
            return None
        return float(np.polyfit([math.log(cost.n) for cost in costs], [math.log(cost.seconds) for cost in costs], 1)[0])

    def record(self) -> dict[str, Any]:
        """Return all of it for JSON; memory in bytes, times in seconds."""
        return {
            "bench": "compute",
            "machine": self.machine,
            "plan": asdict(self.plan),
            "costs": [asdict(cost) | {"ratio": cost.ratio} for cost in self.costs],
            "growth": {kernel: self.growth(kernel) for kernel in KERNELS},
            "differences": [asdict(one) | {"within": one.within} for one in self.differences],
            "within": self.within,
        }

    def text(self) -> str:
        """Return it for people."""
        plan = self.plan
        columns = ("computation", "neurons", "seconds", "rounds", "against", "ratio", "peak GB", "inputs GB", "note")
        rows = [
            (
                cost.kernel,
                cost.n,
                f"{cost.seconds:.3g}",
                cost.rounds,
                KERNELS[cost.kernel].against,
                None if cost.ratio is None else f"{cost.ratio:.2g}",
                round(cost.peak / _GB, 2),
                round(cost.inputs / _GB, 2),
                cost.note,
            )
            for cost in self.costs
        ]
        growth = ", ".join(f"{name} {one:.2f}" for name in KERNELS if (one := self.growth(name)) is not None)
        lines = [
            *described(self.machine),
            f"on {self.machine['device']}, {self.machine['torch_threads']} threads: {plan.examples:,} examples, width "
            f"{plan.width:,}, random weights of LoRA rank 8",
            "",
            tables.render(columns, rows),
            "Ratio: ours over what it stands against, below 1 where ours is faster; of pac, its first round, with all "
            "that it draws (the plain one draws a tenth, taken ten times, and knows who is in what; the note says how "
            "long it takes as the paper words it). Peak is the most memory held meanwhile, "
            "inputs what was held of it before.",
        ]
        if growth:
            lines.append(f"Exponents of growth with the number of neurons, over all sizes measured: {growth}.")
        lines += [
            f"{one.what} on {plan.device} is {one.largest:.1e} from the CPU's, of {one.tolerance:.0e} allowed"
            f"{'' if one.within else ': TOO FAR'}"
            for one in self.differences
        ]
        return "\n".join(lines)


def bench(plan: Plan) -> Report:
    """Measure each kernel, all in one process beside this; raises UserError for a device that is not there."""
    device = device_of(plan.device)
    if list(plan.neurons) != sorted(set(plan.neurons)) or plan.neurons[0] < SMALLEST:
        raise UserError(f"name each number of neurons once, the smallest first and none below {SMALLEST}")
    before = surroundings(device)
    costs: list[Cost] = []
    differences: list[Difference] = []
    if device.type != "cpu":
        task = Task("", plan.neurons, plan.examples, plan.width, plan.device, plan.seed)
        with Worker("hedonic_graph.bench.devices") as worker:
            found = worker.ask(json.dumps(asdict(task)))
        differences = [Difference(**one) for one in found["differences"]]
    with Worker("hedonic_graph.bench.kernels") as worker, bar("measure", len(KERNELS), unit="computation") as progress:
        for kernel in KERNELS:
            progress.set_postfix_str(kernel)
            task = Task(kernel, plan.sizes(kernel), plan.examples, plan.width, plan.device, plan.seed)
            costs += [Cost(**one) for one in worker.ask(json.dumps(asdict(task)))["costs"]]
            progress.update()
    return Report(before, plan, costs, differences)


def surroundings(device: torch.device) -> dict[str, Any]:
    """Return what :func:`machine` does, and the device by name with the threads of matrix products."""
    name = f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
    return machine() | {"device": name, "torch_threads": torch.get_num_threads()}
