"""What the offered queries are asked with."""

import numpy as np
import pytest

from hedonic_graph.bench import shapes
from hedonic_graph.bench.questions import Asker, Effort, from_coalition
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.graph import schema, statements

RESULTS = Synthetic(Scale(layers=3, neurons=256, coalitions=60, edges=500), runs=2, hold=None)
EFFORT = Effort(starts=40, repeats=3)


@pytest.fixture(scope="module")
def asker() -> Asker:
    return Asker(RESULTS, EFFORT)


@pytest.mark.parametrize("name", statements.names())
def test_every_query_can_be_asked(asker: Asker, name: str) -> None:
    statement = statements.load(name)
    calls = asker.values(statement)
    assert len(calls) in (3, 40)
    for values in calls:
        assert values.keys() == {parameter.name for parameter in statement.parameters}
        assert values.get("run", RESULTS.runs[0].id) == RESULTS.runs[0].id


def test_a_query_from_one_coalition_starts_at_many(asker: Asker) -> None:
    statement = statements.load("descendants")
    assert from_coalition(statement)
    assert [values["coalition"] for values in asker.values(statement)] == asker.coalitions
    assert not from_coalition(statements.load("splits"))


def test_starts_are_the_largest_and_busiest_first_and_then_drawn_by_seed(asker: Asker) -> None:
    run = RESULTS.runs[0]
    assert len(asker.coalitions) == 40
    assert Asker(RESULTS, EFFORT).coalitions == asker.coalitions
    followed, degree = [], np.zeros(60, dtype=int)
    for layer in RESULTS.layers:
        sizes = RESULTS.coalitions(run, layer)["size"]
        followed += [schema.coalition_id(run.id, layer, rank) for rank in np.flatnonzero(sizes > 1)]
        out = np.bincount(RESULTS.edges(run, layer, 0)["source"].astype(int), minlength=60)
        assert schema.coalition_id(run.id, layer, 0) in asker.coalitions[:6]
        assert schema.coalition_id(run.id, layer, int((out + degree).argmax())) in asker.coalitions[:6]
        degree = np.bincount(RESULTS.edges(run, layer, 0)["target"].astype(int), minlength=60)
    assert set(asker.coalitions) <= set(followed)
    assert len(set(asker.coalitions)) > 15


def test_coalitions_that_are_not_followed_are_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "SINGLES", 0.5)
    results = Synthetic(Scale(layers=2, neurons=256, coalitions=60, edges=100), hold=None)
    sizes = {
        schema.coalition_id(results.runs[0].id, layer, rank): size
        for layer in results.layers
        for rank, size in enumerate(results.coalitions(results.runs[0], layer)["size"])
    }
    assert sum(size == 1 for size in sizes.values()) > 20
    assert all(sizes[one] > 1 for one in Asker(results, Effort(starts=100)).coalitions)
