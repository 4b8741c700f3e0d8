"""The queries that compare runs: seeds, valuations, and the same base model tuned for another task."""

from collections.abc import Iterator

import pytest
from graph.sketch import Asked, Run, sketched

from hedonic_graph.errors import UserError
from hedonic_graph.graph import statements
from hedonic_graph.graph.answers import why_empty
from hedonic_graph.graph.store import Store

EXACT = Run({1: "AAAABBCC", 2: "AAABBBCD"})
ONE = {
    "pas.exact": EXACT,
    "oca.exact": Run({1: "ABCDEFGH"}),
    "pas.pac.0": Run({1: "AAABBBCC", 2: "AABBCCDD"}),
    "pas.pac.1": Run({1: "AAACCBBB", 2: "AAABBBCD"}),
    "pas.random.0": Run({1: "ABABABAB", 2: "ABCABCAB"}),
}
# Neurons of its own, as the adapter is another one.
TWO = {"pas.exact": Run({1: "AAAABBCC", 3: "AAAABBCC"})}
ANOTHER_BASE = {"pas.exact": EXACT}
RUN = "one/pas.exact"


@pytest.fixture(scope="module")
def ask(store: Store) -> Iterator[Asked]:
    with sketched(store, ("one", "CQTR", ONE), ("two", "RM", TWO)) as ask:
        yield ask


def test_compare(ask: Asked) -> None:
    third = round(2 / 3, 6)
    assert ask("compare", run=RUN, other="one/pas.pac.0") == [
        # {0,1,2,3} with {0,1,2} 3/4; {4,5} with {3,4,5} 2/3; {6,7} is the same.
        (1, 3, 3, 1, 3, *rounded((3 / 4 + 2 / 3 + 1) / 3, (3 + 4 / 3 + 2) / 8, (3 / 4 + 2 / 3 + 1) / 3, 6.25 / 8)),
        # {0,1,2} with {0,1} 2/3, {3,4,5} with {4,5} 2/3; back {2,3} has 1/4 of either, {6,7} only neurons alone.
        (2, 2, 4, 0, 2, third, third, *rounded((2 / 3 + 1 / 4 + 2 / 3) / 4, (2 / 3 + 1 / 4 + 2 / 3) / 4)),
    ]
    assert [row[4] for row in ask("compare", run=RUN, other="one/pas.pac.0", jaccard=0.7)] == [2, 0]
    assert [row[0] for row in ask("compare", run=RUN, other="one/pas.pac.0", layer=2)] == [2]
    # From three members on: {0,1,2,3} with {0,1,2} and {4,5,3}; then {0,1,2} and {3,4,5} with nothing.
    assert ask("compare", run=RUN, other="one/pas.pac.0", size=3) == [
        (1, 1, 2, 0, 1, 0.75, 0.75, *rounded((3 / 4 + 1 / 6) / 2, (3 / 4 + 1 / 6) / 2))
    ]


def test_compare_with_another_adapter(ask: Asked) -> None:
    assert ask("compare", run=RUN, other="two/pas.exact") == [(1, 3, 3, 3, 3, 1.0, 1.0, 1.0, 1.0)]
    assert ask("compare", run="two/pas.exact", other=RUN) == [(1, 3, 3, 3, 3, 1.0, 1.0, 1.0, 1.0)]
    assert ask("compare", run=RUN, other=RUN) == [
        (1, 3, 3, 3, 3, 1.0, 1.0, 1.0, 1.0),
        (2, 2, 2, 2, 2, 1.0, 1.0, 1.0, 1.0),
    ]


def test_recurring(ask: Asked) -> None:
    found = {(row[0], row[1]): row for row in ask("recurring", run=RUN)}
    # {6,7}: the same in pac.0 and in two, 2/3 of {5,6,7} in pac.1; the random run has nothing above a half.
    assert found[1, f"{RUN}/L01/C0002"] == (
        1,
        f"{RUN}/L01/C0002",
        2,
        3,
        5,
        round((1 + 2 / 3 + 1) / 3, 6),
        ["CQTR", "RM"],
        ["pas"],
        ["pac", "exact"],
        [0, 1],
        "vanish",
        ["one/pas.pac.0/L01/C0002", "one/pas.pac.1/L01/C0001", "two/pas.exact/L01/C0002"],
    )
    # Layer 2 was not looked at by oca.exact and by two.
    assert {key: row[3:6] for key, row in found.items() if key[0] == 2} == {
        (2, f"{RUN}/L02/C0000"): (2, 3, round((2 / 3 + 1) / 2, 6)),
        (2, f"{RUN}/L02/C0001"): (2, 3, round((2 / 3 + 1) / 2, 6)),
    }
    assert len(found) == 5
    rows = ask("recurring", run=RUN, layer=1)
    assert [row[3] for row in rows] == sorted([row[3] for row in rows], reverse=True)
    assert len(ask("recurring", run=RUN, limit=1)) == 1
    assert [row[1] for row in ask("recurring", run=RUN, jaccard=0.9, layer=2)] == [
        f"{RUN}/L02/C0000",
        f"{RUN}/L02/C0001",
    ]


@pytest.mark.parametrize(
    ("run", "across", "others"),
    [
        (RUN, "task", {"two/pas.exact"}),
        (RUN, "solver", {"one/pas.pac.0", "one/pas.pac.1", "one/pas.random.0"}),
        ("one/pas.pac.0", "seed", {"one/pas.pac.1"}),
        (RUN, "seed", set()),
        ("one/oca.exact", "valuation", {"one/pas.exact"}),
    ],
)
def test_recurring_across_one_thing(ask: Asked, run: str, across: str, others: set[str]) -> None:
    rows = ask("recurring", run=run, across=across, size=1, jaccard=0.2)
    assert {one.rpartition("/L")[0] for row in rows for one in row[11]} == others


def test_elsewhere(ask: Asked) -> None:
    assert ask("elsewhere", coalition=f"{RUN}/L01/C0000") == [
        *(("one/oca.exact", f"one/oca.exact/L01/C000{rank}", 1, 1, 0.25, 0.25, None) for rank in range(4)),
        ("one/pas.pac.0", "one/pas.pac.0/L01/C0000", 3, 3, 0.75, 0.75, "vanish"),
        ("one/pas.pac.0", "one/pas.pac.0/L01/C0001", 3, 1, 0.25, round(1 / 6, 6), "vanish"),
        ("one/pas.pac.1", "one/pas.pac.1/L01/C0000", 3, 3, 0.75, 0.75, "vanish"),
        ("one/pas.pac.1", "one/pas.pac.1/L01/C0002", 2, 1, 0.25, 0.2, "vanish"),
        ("one/pas.random.0", "one/pas.random.0/L01/C0000", 4, 2, 0.5, round(1 / 3, 6), "vanish"),
        ("one/pas.random.0", "one/pas.random.0/L01/C0001", 4, 2, 0.5, round(1 / 3, 6), "vanish"),
        ("two/pas.exact", "two/pas.exact/L01/C0000", 4, 4, 1.0, 1.0, "vanish"),
    ]
    assert [row[0] for row in ask("elsewhere", coalition=f"{RUN}/L01/C0000", share=0.6)] == [
        "one/pas.pac.0",
        "one/pas.pac.1",
        "two/pas.exact",
    ]


def test_together(ask: Asked) -> None:
    runs = [RUN, "one/pas.pac.0", "one/pas.pac.1", "two/pas.exact"]
    assert [row[1:] for row in ask("together", runs=runs)] == [
        # 3 leaves 0-2 in pac.0; 4 and 5 part in pac.1.
        (1, 3, 4, [0, 1, 2], [f"{run}/L01/C0000" for run in runs]),
        (1, 2, 4, [6, 7], [f"{run}/L01/C000{rank}" for run, rank in zip(runs, (2, 2, 1, 2), strict=True)]),
        (2, 2, 3, [0, 1], [f"{run}/L02/C0000" for run in runs[:3]]),
        (2, 2, 3, [4, 5], [f"{RUN}/L02/C0001", "one/pas.pac.0/L02/C0002", "one/pas.pac.1/L02/C0001"]),
    ]
    assert [row[3:5] for row in ask("together", runs=runs[:2], layer=2, size=1)] == [
        (2, [0, 1]),
        (2, [4, 5]),
        (2, [2]),
        (2, [3]),
        (2, [6]),
        (2, [7]),
    ]
    assert ask("together", runs=runs, limit=1) == ask("together", runs=runs)[:1]
    assert ask("together", runs=[RUN]) == []
    # In oca.exact every neuron is alone; random partitions would part the others too.
    assert [row[1:5] for row in ask("together", limit=1_000_000) if row[0] == "base"] == [
        (2, 2, 3, [0, 1]),
        (2, 2, 3, [4, 5]),
    ]


def test_no_rows_are_explained(store: Store, ask: Asked) -> None:
    def why(name: str, **given: object) -> str:
        statement = statements.load(name)
        return why_empty(store, statement, statement.bind(given))

    run, other = f"{ask.tag}/{RUN}", f"{ask.tag}/one/pas.pac.0"
    assert why("compare", run=run, other=other).startswith("the two runs have no layer in common")
    with pytest.raises(UserError, match=rf"no run '{other}x' \(nearest: {other}\)"):
        why("compare", run=run, other=other + "x")
    with pytest.raises(UserError, match=rf"no run '{other}x'"):
        why("together", runs=[run, other + "x"])
    store.write("MATCH (r:Run {id: $run}) SET r.status = 'loading'", {"run": other})
    try:
        assert f"{other} is not whole (loading)" in why("compare", run=run, other=other)
        assert f"{other} is not whole (loading)" in why("together", runs=[run, other])
        assert ask("compare", run=RUN, other="one/pas.pac.0") == ask("compare", run="one/pas.pac.0", other=RUN) == []
        assert "one/pas.pac.0" not in [row[0] for row in ask("elsewhere", coalition=f"{RUN}/L01/C0000")]
        assert {row[3] for row in ask("recurring", run=RUN, layer=2)} == {1}
        assert [row[3] for row in ask("together", layer=2, limit=1_000_000) if row[0] == "base"] == [2, 2]
    finally:
        store.write("MATCH (r:Run {id: $run}) SET r.status = 'complete'", {"run": other})


def test_other_base_models_are_left_alone(store: Store, ask: Asked) -> None:
    with sketched(store, ("one", "CQTR", ANOTHER_BASE)) as another:
        other = f"{another.tag}/{RUN}"
        statement = statements.load("compare")
        values = statement.bind({"run": f"{ask.tag}/{RUN}", "other": other})
        assert store.read(statement.text, values).values == []
        for name, given in (("recurring", {"run": RUN}), ("elsewhere", {"coalition": f"{RUN}/L01/C0000"})):
            assert another(name, **given) == []
            assert another.tag not in repr(ask(name, **given))


def rounded(*values: float) -> tuple[float, ...]:
    return tuple(round(value, 6) for value in values)
