"""What the offered queries are asked with, and how long their answers take, fetched to the last row."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hedonic_graph.bench.synthetic import Synthetic
from hedonic_graph.graph import schema, statements
from hedonic_graph.graph.statements import Statement
from hedonic_graph.graph.store import Store
from hedonic_graph.progress import Progress, bar
from hedonic_graph.results.protocol import RunInfo

WARM = 3


@dataclass(frozen=True)
class Timing:
    """The answers of one query, measured."""

    query: str
    from_coalition: bool
    """Whether it starts at one coalition: each call at another one."""
    calls: int
    rows: int
    """Of the longest answer."""
    p50: float
    """Seconds."""
    p95: float


@dataclass(frozen=True)
class Effort:
    """How often a query is asked."""

    starts: int = 200
    """Coalitions and neurons to start from, each asked for once."""
    repeats: int = 30
    """Calls of a query that always answers the same, if they fit into ``seconds``."""
    seconds: float = 20.0


class Asker:
    """Draws values for every query's parameters from the runs of ``results`` that are in the graph."""

    def __init__(self, results: Synthetic, effort: Effort) -> None:
        rng = np.random.default_rng([results.scale.seed, effort.starts])
        run = results.runs[0]
        self.effort = effort
        self.coalitions = _coalitions(results, run, effort.starts, rng)
        places = rng.integers(results.scale.neurons, size=effort.starts).tolist()
        layers = rng.choice(results.layers, size=effort.starts).tolist()
        self._moving: dict[str, list[Any]] = {"coalition": self.coalitions, "layer": layers, "index": places}
        self._fixed: dict[str, Any] = {"run": run.id, "other": results.runs[-1].id}

    def values(self, statement: Statement) -> list[dict[str, Any]]:
        """Return the parameters of each call. Raises ValueError where a required one is not known here."""
        given: list[dict[str, Any]] = [{} for _ in range(self._calls(statement))]
        for parameter in statement.parameters:
            for number, call in enumerate(given):
                if parameter.required and parameter.name in self._moving:
                    call[parameter.name] = self._moving[parameter.name][number]
                elif parameter.name in self._fixed:
                    call[parameter.name] = self._fixed[parameter.name]
                elif parameter.required:
                    raise ValueError(f"{statement.name}: the bench has no value for {parameter.name}")
        return [statement.bind(call) for call in given]

    def _calls(self, statement: Statement) -> int:
        moving = any(one.required and one.name in self._moving for one in statement.parameters)
        return self.effort.starts if moving else self.effort.repeats


def from_coalition(statement: Statement) -> bool:
    """Say whether a query starts at one coalition."""
    return any(parameter.name == "coalition" and parameter.required for parameter in statement.parameters)


def measure(store: Store, results: Synthetic, effort: Effort, progress: Callable[..., Progress] = bar) -> list[Timing]:
    """Ask every offered query, first a few times without the clock: the server plans a statement once."""
    asker = Asker(results, effort)
    names = statements.names()
    counter = progress("Asking", total=len(names), unit="query")
    try:
        timings = []
        for name in names:
            counter.set_postfix_str(name)
            timings.append(_measure(store, statements.load(name), asker))
            counter.update()
        return timings
    finally:
        counter.close()


def _measure(store: Store, statement: Statement, asker: Asker) -> Timing:
    calls = asker.values(statement)
    for values in calls[:WARM]:
        store.read(statement.text, values)
    # A query that moves is asked with all its values: the slow ones must not be left out.
    limit = np.inf if len(calls) == asker.effort.starts else asker.effort.seconds
    spent, rows = [], 0
    for values in calls:
        began = time.perf_counter()
        answer = store.read(statement.text, values)
        spent.append(time.perf_counter() - began)
        rows = max(rows, len(answer.values))
        if sum(spent) > limit and len(spent) >= WARM:
            break
    p50, p95 = np.percentile(spent, [50, 95]).tolist()
    return Timing(statement.name, from_coalition(statement), len(spent), rows, p50, p95)


def _coalitions(results: Synthetic, run: RunInfo, count: int, rng: np.random.Generator) -> list[str]:
    """Coalitions to start from: the largest and the busiest of each layer, then by chance.

    Half of those go by size and number of edges, half are any coalition that is followed.
    """
    ids, weights, first = [], [], []
    into: np.ndarray | None = None
    for layer in results.layers:
        sizes = results.coalitions(run, layer)["size"].to_numpy()
        edges = results.edges(run, layer, 0)
        degree = np.bincount(edges["source"].to_numpy(int), minlength=len(sizes))
        if into is not None:
            degree = degree + np.bincount(into, minlength=len(sizes))
        into = edges["target"].to_numpy(int)
        here = [schema.coalition_id(run.id, layer, rank) for rank in range(len(sizes))]
        first += [here[int(np.argmax(sizes))], here[int(np.argmax(degree))]]
        followed = sizes > 1
        ids += [one for one, kept in zip(here, followed, strict=True) if kept]
        weights.append((sizes / sizes.sum() + degree / max(degree.sum(), 1))[followed])
    chance = np.concatenate(weights)
    heavy = rng.choice(len(ids), size=count, p=chance / chance.sum())
    even = rng.integers(len(ids), size=count)
    drawn = [ids[one] for pair in zip(heavy, even, strict=True) for one in pair]
    return (list(_once(first)) + drawn)[:count]


def _once(ids: list[str]) -> Iterator[str]:
    yield from dict.fromkeys(ids)
