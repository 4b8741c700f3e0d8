"""The queries that follow coalitions through a run, on a drawing of four layers, one of which was not analysed."""

from collections.abc import Iterator

import pytest
from graph.kin import KIN
from graph.sketch import Asked, Edge, Run, sketched

from hedonic_graph.graph.store import Store


@pytest.fixture(scope="module")
def ask(store: Store) -> Iterator[Asked]:
    with sketched(store, ("one", "CQTR", {"pas.exact": KIN, "pas.pac.0": KIN})) as ask:
        yield ask


RUN = "one/pas.exact"


def test_descendants_are_paths_with_their_events(ask: Asked) -> None:
    ids = [f"{RUN}/L02/C0001", f"{RUN}/L03/C0001", f"{RUN}/L05/C0001", f"{RUN}/L06/C0001"]
    vanishing = f"{RUN}/L05/C0002"
    told = [
        (1, 3, ids[1], 3, "split", "persist", "L2/C1 > L3/C1", 1.0, 1.0, 6.0, 1.0, ids[:2]),
        (2, 5, ids[2], 3, "merge", "persist > split", "L2/C1 > L3/C1 > L5/C1", 0.6, 0.75, 8.0, 2.0, ids[:3]),
        (
            2,
            5,
            vanishing,
            2,
            "vanish",
            "persist > split",
            "L2/C1 > L3/C1 > L5/C2",
            0.4,
            0.95,
            7.0,
            2.0,
            [*ids[:2], vanishing],
        ),
        (3, 6, ids[3], 4, None, "persist > split > merge", "L2/C1 > L3/C1 > L5/C1 > L6/C1", 0.75, 0.5, 5.5, 0.5, ids),
    ]
    assert ask("descendants", coalition=ids[0]) == told
    assert ask("descendants", coalition=ids[0], steps=2) == told[:3]
    assert ask("descendants", coalition=ids[0], steps=64) == told
    assert ask("descendants", coalition=vanishing) == []


def test_ancestors_are_paths_with_their_events(ask: Asked) -> None:
    ids = [f"{RUN}/L02/C0001", f"{RUN}/L03/C0001", f"{RUN}/L05/C0001", f"{RUN}/L06/C0001"]
    told = [
        (1, 5, ids[2], 3, "merge", "merge", "L5/C1 > L6/C1", 0.75, 0.5, 5.5, 0.5, ids[2:]),
        (2, 3, ids[1], 3, "split", "split > merge", "L3/C1 > L5/C1 > L6/C1", 0.6, 0.75, 8.0, 2.0, ids[1:]),
        (
            3,
            2,
            ids[0],
            3,
            "persist",
            "persist > split > merge",
            "L2/C1 > L3/C1 > L5/C1 > L6/C1",
            1.0,
            1.0,
            6.0,
            1.0,
            ids,
        ),
    ]
    assert ask("ancestors", coalition=ids[3]) == told
    assert ask("ancestors", coalition=ids[3], steps=1) == told[:1]
    assert ask("ancestors", coalition=f"{RUN}/L06/C0002") == []


def test_becomes_is_the_split_with_its_shares(ask: Asked) -> None:
    assert ask("becomes", coalition=f"{RUN}/L03/C0001") == [
        (f"{RUN}/L05/C0001", 3, "split", 0.6, 0.75, 8.0, 2.0, 2.0, "merge"),
        (f"{RUN}/L05/C0002", 2, "split", 0.4, 0.95, 7.0, 2.0, 2.0, "vanish"),
    ]
    # What goes beyond chance without being an event has its share too.
    assert [(row[0], row[2], row[3]) for row in ask("becomes", coalition=f"{RUN}/L02/C0000")] == [
        (f"{RUN}/L03/C0000", "persist", 0.9),
        (f"{RUN}/L03/C0002", None, 0.1),
    ]
    assert ask("becomes", coalition=f"{RUN}/L02/C0002") == []


def test_chains(ask: Asked) -> None:
    ids = [f"{RUN}/L{layer:02d}/C0000" for layer in (2, 3, 5, 6)]
    long = (RUN, 3, 2, "L2/C0 > L3/C0 > L5/C0 > L6/C0", [4, 4, 5, 4], None, None, 4.0, ids)
    short = [f"{RUN}/L02/C0001", f"{RUN}/L03/C0001"]
    assert ask("chains", run=RUN) == [long]
    assert ask("chains", run=RUN, least=1) == [
        long,
        (RUN, 1, 2, "L2/C1 > L3/C1", [3, 3], None, "split", 6.0, short),
    ]
    assert ask("chains", run=RUN, least=1, limit=1) == [long]
    assert ask("chains", run=RUN, least=4) == []


def test_ephemeral_ones_form_and_vanish(ask: Asked) -> None:
    emerged = (RUN, 3, f"{RUN}/L03/C0002", 3, "emerge", None, None)
    split = (RUN, 5, f"{RUN}/L05/C0002", 2, "split", None, "length")
    assert ask("ephemeral", run=RUN) == [emerged, split]
    assert ask("ephemeral", run=RUN, layer=5) == [split]
    assert ask("ephemeral", run=RUN, limit=1) == [emerged]


def test_emergent_ones_come_from_nothing(ask: Asked) -> None:
    assert ask("emergent", run=RUN) == [
        (RUN, 3, f"{RUN}/L03/C0002", 3, "vanish", None, None),
        (RUN, 6, f"{RUN}/L06/C0002", 2, None, None, None),
    ]
    assert [row[1] for row in ask("emergent", run=RUN, layer=6)] == [6]


def test_events_from_layer_to_layer(ask: Asked) -> None:
    # sources, targets, persist, split, merge, vanish, emerge; 2D is one neuron and not followed.
    assert ask("events", run=RUN) == [
        (RUN, 2, 3, 3, 3, 2, 0, 0, 1, 1),
        (RUN, 3, 5, 3, 3, 1, 2, 0, 1, 0),
        (RUN, 5, 6, 3, 3, 1, 0, 1, 1, 1),
    ]


def test_features_carried_along(ask: Asked) -> None:
    def edge(feature: str, source: str, r2: float, target: str, target_r2: float, events: str) -> tuple[object, ...]:
        (a, b), (c, d) = ((f"{RUN}/L0{one[0]}/C000{one[1]}", f"L{one[0]}/C{one[1]}") for one in (source, target))
        return (RUN, feature, "terms", int(source[0]), a, r2, c, target_r2, events, f"{b} > {d}", [a, c])

    one_step = [
        edge("length", "31", 0.2, "51", 0.25, "split"),
        edge("length", "31", 0.2, "52", 0.12, "split"),
        edge("overlap", "20", 0.5, "30", 0.4, "persist"),
    ]
    assert ask("features", run=RUN, steps=1) == one_step
    assert ask("features", run=RUN, steps=1, feature="overlap") == one_step[2:]
    assert ask("features", run=RUN, steps=1, r2=0.2) == [one_step[0], one_step[2]]
    # The lower threshold lets the weak ends of 3A and 5A in.
    assert len(ask("features", run=RUN, steps=1, r2=0.05)) == 6
    far = [row for row in ask("features", run=RUN) if row not in one_step]
    assert [(row[4], row[6], row[8], row[9]) for row in far] == [
        (f"{RUN}/L02/C0000", f"{RUN}/L06/C0000", "persist > persist > persist", "L2/C0 > L3/C0 > L5/C0 > L6/C0"),
        (f"{RUN}/L03/C0000", f"{RUN}/L06/C0000", "persist > persist", "L3/C0 > L5/C0 > L6/C0"),
    ]


def test_splitting_coalitions_that_carry_a_feature(ask: Asked) -> None:
    splitting, parts = f"{RUN}/L03/C0001", [f"{RUN}/L05/C0001", f"{RUN}/L05/C0002"]
    # 3B splits into 5B and 5C; 3A aligns more, and persists.
    carries = (RUN, 3, splitting, 3, "length", "terms", 0.2, 0.25, None, 2, 2, parts)
    assert ask("carriers", run=RUN) == [carries]
    assert ask("carriers", run=RUN, feature="length", r2=0.15) == [(*carries[:-2], 1, parts)]
    assert ask("carriers", run=RUN, family="terms", r2=0.2) == [(*carries[:-2], 1, parts)]
    assert ask("carriers", run=RUN, family="coverage") == []
    assert ask("carriers", run=RUN, feature="overlap") == []
    assert ask("carriers", run=RUN, r2=0.21) == []


def test_synergy_by_fate(ask: Asked) -> None:
    assert ask("synergy", run=RUN) == [
        # 2A 0.5, 3A 0.3, 5A 0.4 and 2B 0.2 persist: mean 0.35, median 0.35, squares add up to 0.05.
        (RUN, "persist", 4, 4.0, 0.35, 0.35, round((0.05 / 3) ** 0.5, 6), 1.35, 1.35),
        (RUN, "split", 1, 3.0, 0.25, 0.25, 0.0, 1.25, 1.25),
        (RUN, "merge", 1, 3.0, 0.35, 0.35, 0.0, 1.35, 1.35),
        # 2C 0.1, 3C 0.2 and 5C 0.15 vanish.
        (RUN, "vanish", 3, round(7 / 3, 6), 0.15, 0.15, 0.05, 0.95, 0.95),
    ]
    assert [(row[1], row[2], row[4]) for row in ask("synergy", run=RUN, layer=2)] == [
        ("persist", 2, 0.35),
        ("vanish", 1, 0.1),
    ]


@pytest.mark.parametrize("name", ["chains", "ephemeral", "emergent", "events", "features", "synergy", "carriers"])
def test_without_a_run_all_of_them_are_asked(ask: Asked, name: str) -> None:
    given = {"limit": 1_000_000} if name in ("chains", "ephemeral", "emergent") else {}
    rows = ask(name, **given)
    assert {row[0] for row in rows} == {"one/pas.exact", "one/pas.pac.0"}


LAYERS = 30
CROWDED = Run(
    dict.fromkeys(range(LAYERS), "AABB"),
    tuple(
        Edge(f"{layer}{a}", f"{layer + 1}{b}", "split", alpha=0.5, beta=0.8)
        for layer in range(LAYERS - 1)
        for a in "AB"
        for b in "AB"
    ),
)


@pytest.fixture(scope="module")
def crowded(store: Store) -> Iterator[Asked]:
    with sketched(store, ("one", "CQTR", {"pas.exact": CROWDED})) as ask:
        yield ask


@pytest.mark.timeout(60)
def test_steps_bound_the_search(crowded: Asked) -> None:
    # Each coalition leads to both of the next layer: half a billion paths, of which 2 + 4 + 8 have at most three steps.
    for name, start in (("descendants", 0), ("ancestors", LAYERS - 1)):
        rows = crowded(name, coalition=f"{RUN}/L{start:02d}/C0000")
        assert [row[0] for row in rows] == [1] * 2 + [2] * 4 + [3] * 8
    assert len(crowded("draw_lineage", coalition=f"{RUN}/L14/C0000", steps=2)) == 2 * (2 + 4)
    assert crowded("features", run=RUN, steps=2) == []


@pytest.mark.timeout(60)
def test_paths_are_bounded_and_the_nearest_come_first(crowded: Asked) -> None:
    for name, start in (("descendants", 0), ("ancestors", LAYERS - 1)):
        rows = crowded(name, coalition=f"{RUN}/L{start:02d}/C0000", steps=64, paths=50)
        assert [row[0] for row in rows] == [1] * 2 + [2] * 4 + [3] * 8 + [4] * 16 + [5] * 20
        assert len({row[6] for row in rows}) == 50
    drawn = crowded("draw_lineage", coalition=f"{RUN}/L14/C0000", steps=64, paths=5)
    assert sorted(len(path.relationships) for (path,) in drawn) == [1] * 4 + [2] * 6
