"""The graph, measured: loading beside a plain loader, and every offered query (DESIGN §6.1)."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hedonic_graph.bench.loading import Task, load
from hedonic_graph.bench.machine import machine
from hedonic_graph.bench.questions import Effort, measure
from hedonic_graph.bench.report import Report
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.graph import keeper, statements
from hedonic_graph.graph.store import Address, Store, connect
from hedonic_graph.progress import Progress, bar

Left = Callable[[str], None]
# Nodes that go in one transaction; a coalition takes up to some thousand edges with it.
CLEAR = {"coalitions": 50, "neurons": 1000, "features": 50, "parts": 50, "runs": 50, "models": 50}


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    scale: Scale
    warm: Scale
    """Loaded by each loader without the clock, so that the server has compiled what it runs."""
    effort: Effort
    plain: bool = True
    """Whether to load with the plain loader as well."""
    repeat: int = 1
    """Rounds of loading; each begins with the plain loader."""


FULL = Plan(Scale(), Scale(layers=8, neurons=4096, coalitions=1500, edges=120_000), Effort())
QUICK = Plan(
    Scale(layers=8, neurons=1536, coalitions=800, edges=30_000),
    Scale(layers=2, neurons=1536, coalitions=200, edges=8_000),
    Effort(starts=40, repeats=5, seconds=2.0),
)


def bench(
    address: Address, plan: Plan, *, progress: Callable[..., Progress] = bar, left: Left = lambda name: None
) -> Report:
    """Load drawn runs under a name of their own, ask, and take them out again, also where this is interrupted.

    An embedded store that was not there before is gone afterwards. ``left`` is told the name where its runs could not
    be taken out. Raises UserError where nothing answers at ``address``, or the scale makes no sense.
    """
    name = f"bench-{uuid.uuid4().hex[:8]}"
    # Both runs are drawn before anything is written: a scale that makes no sense ends here.
    results = Synthetic(plan.scale, name=f"{name}/ours", runs=2, hold=None)
    results.draw()
    loaders = ("plain", "ours") if plan.plain else ("ours",)
    before, loads = machine(), []
    with _place(address) as store, _cleared(store, name, progress, left):
        for loader in loaders:
            load(Task(address, loader, plan.warm, f"{name}/warm"))
            clear(store, name, progress)
        for _ in range(plan.repeat):
            for loader in loaders:
                clear(store, name, progress)
                loads.append(load(Task(address, loader, plan.scale, f"{name}/{loader}")))
        # The last one stays, with a second run for the queries that compare two.
        load(Task(address, "ours", plan.scale, f"{name}/ours", runs=2))
        timings = measure(store, results, plan.effort, progress)
        return Report(before, store.server, str(address), store.batch, plan.scale, plan.warm, loads, timings)


@contextmanager
def _place(address: Address) -> Iterator[Store]:
    """Connect; take an embedded store away afterwards that was not there before."""
    new = address.folder is not None and not address.folder.exists()
    try:
        with connect(address) as store:
            yield store
    finally:
        if new and address.folder is not None and address.folder.exists():
            keeper.stop(address.folder)
            shutil.rmtree(address.folder)


@contextmanager
def _cleared(store: Store, name: str, progress: Callable[..., Progress], left: Left) -> Iterator[None]:
    try:
        yield
    finally:
        try:
            clear(store, name, progress)
        except BaseException:
            left(name)
            raise


def clear(store: Store, name: str, progress: Callable[..., Progress]) -> None:
    """Take out whatever begins with the name, however far its load came."""
    counter = progress(f"Deleting {name}", unit="node")
    try:
        with store.writer():
            for label, limit in CLEAR.items():
                statement = statements.load(f"bench/clear_{label}").text
                values = {"prefix": f"{name}/", "limit": limit}
                while count := store.write(statement, values).values[0][0]:
                    counter.update(count)
    finally:
        counter.close()
