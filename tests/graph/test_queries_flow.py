"""The queries about flow, on the drawing of a lineage."""

from collections.abc import Iterator

import pytest
from graph.kin import KIN
from graph.sketch import Asked, sketched

from hedonic_graph.graph.store import Store

RUN = "one/pas.exact"


@pytest.fixture(scope="module")
def ask(store: Store) -> Iterator[Asked]:
    with sketched(store, ("one", "CQTR", {"pas.exact": KIN})) as ask:
        yield ask


def at(layer: int, rank: int) -> str:
    return f"{RUN}/L{layer:02d}/C{rank:04d}"


def test_strongest_by_flow(ask: Asked) -> None:
    rows = ask("strongest", run=RUN)
    assert rows[:3] == [
        # 30 over 5 times 4 members, 20 over 4 times 5, 18 over 3 times 3.
        (RUN, 5, at(5, 0), 5, at(6, 0), 4, 30.0, 1.5, 2.0, 9.0, "persist"),
        (RUN, 3, at(3, 0), 4, at(5, 0), 5, 20.0, 1.0, 2.0, 4.0, "persist"),
        (RUN, 3, at(3, 1), 3, at(5, 1), 3, 18.0, 2.0, 2.0, 8.0, "split"),
    ]
    assert [row[6] for row in rows] == [30.0, 20.0, 18.0, 16.0, 12.0, 9.0, 6.0, 4.0, 3.0, 2.0]
    assert rows[-1] == (RUN, 2, at(2, 0), 4, at(3, 2), 3, 2.0, round(1 / 6, 6), 2.0, 3.5, None)
    assert ask("strongest", run=RUN, limit=2) == rows[:2]
    assert ask("strongest", run=RUN, layer=2) == [row for row in rows if row[1] == 2]


@pytest.mark.parametrize(
    ("by", "ends"),
    [
        ("z", [(5, 0, 0), (3, 1, 1), (3, 1, 2)]),
        ("mass", [(3, 1, 1), (3, 1, 2), (5, 0, 0)]),
        ("flow", [(5, 0, 0), (3, 0, 0), (3, 1, 1)]),
    ],
)
def test_strongest_by_something_else(ask: Asked, by: str, ends: list[tuple[int, int, int]]) -> None:
    rows = ask("strongest", run=RUN, by=by, limit=3)
    following = {2: 3, 3: 5, 5: 6}
    assert [(row[2], row[4]) for row in rows] == [(at(a, b), at(following[a], c)) for a, b, c in ends]


def test_strongest_leaves_out_what_has_no_value(ask: Asked) -> None:
    assert len(ask("strongest", run=RUN, by="z")) == 9


def test_hubs(ask: Asked) -> None:
    rows = ask("hubs", run=RUN)
    assert rows[:4] == [
        (RUN, 5, at(5, 0), 5, 20.0, 30.0, 1, 1, 1, 1, "persist", "persist"),
        (RUN, 3, at(3, 1), 3, 9.0, 30.0, 1, 2, 1, 2, "persist", "split"),
        (RUN, 3, at(3, 0), 4, 16.0, 20.0, 1, 1, 1, 1, "persist", "persist"),
        (RUN, 6, at(6, 0), 4, 30.0, 0.0, 1, 0, 1, 0, "persist", None),
    ]
    by_id = {row[2]: row for row in rows}
    # 2C and 2A feed 3C: one of the two edges is beyond chance; the z of the edge of 5C is undefined.
    assert by_id[at(3, 2)][4:10] == (5.0, 0.0, 2, 0, 1, 0)
    assert by_id[at(6, 1)][4:10] == (10.0, 0.0, 2, 0, 1, 0)
    assert at(2, 3) not in by_id and at(6, 2) not in by_id
    assert ask("hubs", run=RUN, limit=2) == rows[:2]
    assert ask("hubs", run=RUN, layer=5, limit=1) == rows[:1]
    assert {row[2]: row[8:10] for row in ask("hubs", run=RUN, z=5.0)}[at(3, 0)] == (1, 0)


def test_sankey(ask: Asked) -> None:
    rows = ask("sankey", run=RUN, top=2)
    assert rows == [
        (RUN, 2, 3, at(2, 0), at(3, 0), 16.0, 4, 4, 5.0, "persist"),
        (RUN, 2, 3, at(2, 1), at(3, 1), 9.0, 3, 3, 6.0, "persist"),
        (RUN, 3, 5, at(3, 0), at(5, 0), 20.0, 4, 5, 4.0, "persist"),
        (RUN, 3, 5, at(3, 1), at(5, 1), 18.0, 3, 3, 8.0, "split"),
        (RUN, 5, 6, at(5, 0), at(6, 0), 30.0, 5, 4, 9.0, "persist"),
        (RUN, 5, 6, at(5, 1), at(6, 1), 6.0, 3, 4, 5.5, "merge"),
    ]
    assert len(ask("sankey", run=RUN)) == 10
    assert ask("sankey", run=RUN, top=1) == [row for row in rows if row[3][-1] == "0"]


@pytest.mark.parametrize("name", ["strongest", "hubs", "sankey"])
def test_without_a_run_all_of_them_are_asked(ask: Asked, name: str) -> None:
    limit = {} if name == "sankey" else {"limit": 1_000_000}
    assert ask(name, **limit) == ask(name, run=RUN, **limit)
