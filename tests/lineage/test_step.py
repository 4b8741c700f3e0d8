import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage.events import Kind
from hedonic_graph.lineage.matching import maximum_matching
from hedonic_graph.lineage.step import LayerStep, edge_table, track

P, S, M, V, E = Kind.PERSIST, Kind.SPLIT, Kind.MERGE, Kind.VANISH, Kind.EMERGE
ARRAYS = ("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event", "fate", "origin")
COUNTS = {
    *("edges", "significant", "persist", "split", "merge", "vanish", "emerge"),
    *("persists_as", "splits_into", "merges_into"),
}


def blocks(*sizes: int) -> Partition:
    """Consecutive neurons; give sizes in descending order so that ids follow."""
    return Partition.from_labels(np.repeat(np.arange(len(sizes)), sizes))


def random_step(seed: int) -> tuple[torch.Tensor, Partition, Partition]:
    generator = np.random.default_rng(seed)
    source = Partition.from_labels(generator.integers(0, 12, 40))
    target = Partition.from_labels(generator.integers(0, 14, 60))
    flows = generator.lognormal(0, 1, (len(source), 60))
    # A few strong ties, so that there are events to see.
    for c in range(4):
        flows[c, target.labels == c] *= 6
    flows[5, target.labels == 1] *= 6
    return torch.from_numpy(flows).float(), source, target


def drawn() -> tuple[torch.Tensor, Partition, Partition]:
    """Five sources and six targets drawn by hand, on a faint background, among 100 neurons fed evenly.

    0 -> 0 persists; 1 -> 1 and 1 -> 2 split; 2 -> 3 and 3 -> 3 merge; 4 vanishes; 4 and 5 emerge. Target
    neurons beyond the six coalitions are singletons.
    """
    source = blocks(5, 4, 3, 2, 2)
    target = blocks(*[10] * 6, *[1] * 140)
    flows = np.random.default_rng(0).uniform(0.9, 1.1, (5, 200))
    for c, t in [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3)]:
        flows[c, target.labels == t] += 20
    return torch.from_numpy(flows).float(), source, target


def counted(step: LayerStep) -> dict[str, int]:
    """The counts, from the arrays."""
    return {
        "edges": step.event.size,
        "significant": int(np.nansum(step.z >= 3)),
        "persist": int((step.fate == P).sum()),
        "split": int((step.fate == S).sum()),
        "merge": int((step.fate == M).sum()),
        "vanish": int((step.fate == V).sum()),
        "emerge": int((step.origin == E).sum()),
        "persists_as": int((step.event == P).sum()),
        "splits_into": int((step.event == S).sum()),
        "merges_into": int((step.event == M).sum()),
    }


def test_a_lineage_drawn_by_hand_is_read_as_drawn() -> None:
    step = track(*drawn())
    expected = np.zeros((5, 6))
    expected[0, 0] = P
    expected[1, [1, 2]] = S
    expected[[2, 3], 3] = M
    assert step.event.tolist() == expected.tolist()
    assert step.fate.tolist() == [P, S, M, M, V]
    assert step.origin.tolist() == [P, S, S, M, E, E]
    assert step.counts == {
        "edges": 30, "significant": 5, "persist": 1, "split": 1, "merge": 2, "vanish": 1, "emerge": 2,
        "persists_as": 1, "splits_into": 2, "merges_into": 2,
    }  # fmt: skip


def test_under_the_papers_rule_only_matched_edges_are_events() -> None:
    step = track(*drawn(), events="matched")
    free = track(*drawn())
    # One of the merging sources, one split target and whoever is matched to noise go without.
    assert step.matched.tolist()[0] == 0 and step.matched[1] in (1, 2) and 3 in step.matched[[2, 3]]
    on_match = np.zeros((5, 6), dtype=bool)
    on_match[np.arange(5), step.matched] = True
    assert step.event.tolist() == np.where(on_match, free.event, 0).tolist()
    assert sorted(step.fate.tolist()) == sorted([P, S, M, V, V])
    assert step.counts["persists_as"] == step.counts["splits_into"] == step.counts["merges_into"] == 1


def test_a_source_that_is_not_matched_vanishes_under_the_papers_rule() -> None:
    flows = torch.tensor([[5.0, 1.0, 5.0, 1.0], [4.0, 9.0, 4.0, 9.0], [4.0, 8.0, 4.0, 8.0]])
    source, target = blocks(2, 2, 2), Partition(np.array([0, 1, 0, 1], dtype=np.int32))
    step = track(flows, source, target, shares="relative", events="matched")
    assert step.matched.tolist() == [0, 1, -1]
    assert step.fate.tolist() == [P, P, V]
    assert track(flows, source, target, shares="relative").fate.tolist()[2] == P


def test_relative_shares_never_let_a_source_vanish_and_flow_shares_let_all() -> None:
    flows, source, target = random_step(1)
    assert track(flows, source, target, shares="relative").counts["vanish"] == 0
    assert track(flows, source, target, shares="relative").chance["vanish"] == 0
    step = track(flows, source, target, shares="flow")
    assert step.counts["vanish"] == len(step.source) == 10


@pytest.mark.parametrize("shares", ["excess", "relative", "flow"])
@pytest.mark.parametrize("events", ["excess", "matched"])
def test_fates_add_up_and_counts_are_those_of_the_arrays(shares: str, events: str) -> None:
    for seed in range(5):
        step = track(*random_step(seed), shares=shares, events=events, shuffles=3)
        assert step.counts == counted(step)
        for counts in (step.counts, step.chance):
            total = counts["persist"] + counts["split"] + counts["merge"] + counts["vanish"]
            assert total == pytest.approx(len(step.source))
            assert set(counts) == COUNTS
        assert step.chance["edges"] == step.counts["edges"]


def test_flow_mass_and_lift_are_what_they_are_called() -> None:
    flows, source, target = random_step(2)
    step = track(flows, source, target, shuffles=0)
    f = flows.double().numpy()
    kept_s, kept_t = source.sizes >= 2, target.sizes >= 2
    assert step.source.tolist() == np.flatnonzero(kept_s).tolist()
    assert step.target.tolist() == np.flatnonzero(kept_t).tolist()
    f = f[kept_s]
    for row, c in enumerate(step.source):
        for column, t in enumerate(step.target):
            members = target.labels == t
            flow = f[row, members].sum()
            assert step.flow[row, column] == pytest.approx(flow, rel=1e-5)
            assert step.mass[row, column] == pytest.approx(flow / (source.sizes[c] * target.sizes[t]), rel=1e-5)
            lift = flow * f.sum() / (f[row].sum() * f[:, members].sum())
            assert step.lift[row, column] == pytest.approx(lift, rel=1e-5)


def test_alpha_and_beta_are_excess_over_row_and_column_sums() -> None:
    step = track(*random_step(0), shuffles=0)
    excess = np.where(step.z >= 3, np.maximum(step.flow - step.flow / step.lift, 0), 0)
    assert (excess > 0).sum() >= 4
    with np.errstate(invalid="ignore"):
        alpha = np.nan_to_num(excess / excess.sum(1, keepdims=True))
        beta = np.nan_to_num(excess / excess.sum(0))
    np.testing.assert_allclose(step.alpha, alpha, atol=1e-5)
    np.testing.assert_allclose(step.beta, beta, atol=1e-5)


def test_the_matching_is_that_of_mass_under_either_rule() -> None:
    generator = np.random.default_rng(0)
    source, target = blocks(30, 12, 5, 2, 2), blocks(40, 13, 4, 3, 2, 2)
    flows = torch.from_numpy(generator.random((5, 64))).float()
    for events in ("excess", "matched"):
        step = track(flows, source, target, events=events, shuffles=0)
        assert step.matched.tolist() == maximum_matching(step.mass).tolist()
        assert step.matched.tolist() != maximum_matching(step.flow).tolist()


def test_small_coalitions_are_left_out_but_their_neurons_stay_in_the_totals() -> None:
    flows, source, target = drawn()
    step = track(flows, source, target)
    assert step.target.tolist() == [0, 1, 2, 3, 4, 5]
    everybody = track(flows, source, target, min_size=1)
    assert len(everybody.target) == 146
    # Totals and random draws are over all target neurons either way, so nothing changes for those kept.
    for name in ("mass", "flow", "lift", "z"):
        np.testing.assert_allclose(getattr(step, name), getattr(everybody, name)[:, :6], rtol=1e-4, atol=1e-4)
    assert track(flows, source, target, min_size=4).source.tolist() == [0, 1]


def test_flows_of_small_sources_may_be_missing_and_do_not_matter() -> None:
    generator = np.random.default_rng(4)
    source, target = blocks(4, 3, 1, 1), Partition.from_labels(generator.integers(0, 5, 30))
    flows = torch.from_numpy(generator.lognormal(0, 1, (4, 30))).float()
    same(track(flows, source, target), track(flows[:2], source, target))


def same(one: LayerStep, other: LayerStep) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.counts, one.chance) == (other.counts, other.chance)


def test_the_same_seed_gives_the_same_step_and_another_seed_other_shuffles() -> None:
    step = track(*random_step(0), seed=5, z_min=1.0)
    same(step, track(*random_step(0), seed=5, z_min=1.0))
    other = track(*random_step(0), seed=6, z_min=1.0)
    assert step.counts == other.counts
    assert step.chance != other.chance


def test_chance_is_the_mean_over_shuffled_target_labels() -> None:
    flows, source, target = random_step(6)
    for events in ("excess", "matched"):
        step = track(flows, source, target, shuffles=7, seed=11, events=events)
        generator = np.random.default_rng(11)
        counts = []
        for _ in range(7):
            # The shuffled labels as a partition: the ids of the kept coalitions may differ, the counts do not.
            labels = np.where(target.sizes[target.labels] >= 2, target.labels, -1)
            shuffled = generator.permutation(labels)
            shuffled[shuffled < 0] = 100 + np.arange((shuffled < 0).sum())
            counts.append(track(flows, source, Partition.from_labels(shuffled), shuffles=0, events=events).counts)
        assert step.chance == {name: np.mean([one[name] for one in counts]) for name in COUNTS}


def test_a_lineage_that_is_there_stands_out_against_chance() -> None:
    step = track(*drawn())
    assert step.counts["significant"] == 5
    assert step.chance["significant"] < 1.5
    assert step.chance["vanish"] > 3.5


def test_without_shuffles_there_is_no_chance() -> None:
    assert track(*random_step(0), shuffles=0).chance == {}


def test_numbering_neurons_differently_changes_only_names() -> None:
    flows, source, target = random_step(7)
    step = track(flows, source, target, shuffles=0)
    generator = np.random.default_rng(8)
    order_s, order_t = generator.permutation(source.n), generator.permutation(target.n)
    source2 = Partition.from_labels(source.labels[order_s])
    target2 = Partition.from_labels(target.labels[order_t])
    # New id of each old coalition, by any of its members.
    rows = np.array([source2.labels[np.argmax(source.labels[order_s] == c)] for c in range(len(source))])
    columns = np.array([target2.labels[np.argmax(target.labels[order_t] == t)] for t in range(len(target))])
    flows2 = torch.empty_like(flows)
    flows2[rows] = flows[:, order_t]
    step2 = track(flows2, source2, target2, shuffles=0)
    rows, columns = rows[step.source], columns[step.target]
    for name in ("mass", "flow", "alpha", "beta", "lift", "z"):
        found = getattr(step2, name)[np.ix_(rows, columns)]
        np.testing.assert_allclose(found, getattr(step, name), rtol=1e-4, atol=1e-5)
    assert step2.event[np.ix_(rows, columns)].tolist() == step.event.tolist()
    assert step2.fate[rows].tolist() == step.fate.tolist()
    assert step2.origin[columns].tolist() == step.origin.tolist()
    assert step2.matched[rows].tolist() == columns[step.matched].tolist()
    assert step2.counts == step.counts


def test_arrays_have_the_promised_types() -> None:
    step = track(*random_step(0), shuffles=1)
    kinds = {"source": "int32", "target": "int32", "matched": "int32", "event": "int8", "fate": "int8"}
    for name in ARRAYS:
        array = getattr(step, name)
        expected = kinds.get(name, "int8" if name == "origin" else "float32")
        assert array.dtype == expected and array.flags.c_contiguous, name
    assert all(type(count) is int for count in step.counts.values())
    assert all(type(mean) is float for mean in step.chance.values())


def test_the_thresholds_are_the_ones_given() -> None:
    flows, source, target = random_step(0)
    strict = track(flows, source, target, z_min=1e9, shuffles=1)
    assert strict.counts["significant"] == 0 and strict.counts["vanish"] == len(strict.source)
    lax = track(flows, source, target, high=0.01, shuffles=0)
    assert lax.counts["persists_as"] == int((lax.alpha > 0.01).sum())
    assert lax.counts["persists_as"] > track(flows, source, target, shuffles=0).counts["persists_as"]


@pytest.mark.parametrize("shares", ["excess", "relative", "flow"])
@pytest.mark.parametrize("events", ["excess", "matched"])
def test_without_kept_coalitions_the_step_is_empty(shares: str, events: str) -> None:
    options = {"shares": shares, "events": events}
    alone, some = blocks(*[1] * 6), blocks(3, 2, 1)
    flows = torch.ones(6, 6)
    neither = track(flows, alone, alone, **options)  # type: ignore[arg-type]
    assert neither.counts == dict.fromkeys(COUNTS, 0) and neither.chance == dict.fromkeys(COUNTS, 0.0)
    no_target = track(flows[:3], some, alone, **options)  # type: ignore[arg-type]
    assert no_target.fate.tolist() == [V, V] and no_target.mass.shape == (2, 0)
    assert no_target.counts == {**dict.fromkeys(COUNTS, 0), "vanish": 2} == no_target.chance
    no_source = track(flows, alone, some, **options)  # type: ignore[arg-type]
    assert no_source.origin.tolist() == [E, E]
    assert no_source.counts == {**dict.fromkeys(COUNTS, 0), "emerge": 2} == no_source.chance
    for step in (neither, no_target, no_source):
        assert len(edge_table(step)) == 0


def test_dead_sources_and_targets_raise_no_warning_and_have_no_event() -> None:
    flows, source, target = drawn()
    flows[0] = 0
    flows[:, target.labels == 1] = 0
    for shares in ("excess", "relative", "flow"):
        step = track(flows, source, target, shares=shares, shuffles=2)
        assert step.fate[0] == V and step.origin[1] == E
        for name in ("mass", "flow", "alpha", "beta", "lift"):
            assert np.isfinite(getattr(step, name)).all()
        assert np.isnan(step.z[0]).all() and not np.isinf(step.z).any()
        assert step.matched[0] == -1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"shares": "all"}, "shares must be one of excess, relative, flow; got 'all'"),
        ({"events": "any"}, "events must be one of excess, matched; got 'any'"),
        ({"min_size": 0}, "min_size must be 1 or more; got 0"),
        ({"shuffles": -1}, "shuffles must be 0 or more; got -1"),
        ({"high": 0.0}, "high must lie above 0 and at most at 1"),
        ({"high": 1.1}, "high must lie above 0 and at most at 1"),
    ],
)
def test_options_that_do_not_exist_are_refused_in_one_line(option: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        track(*random_step(0), **option)  # type: ignore[arg-type]
    assert message in str(error.value) and "\n" not in str(error.value)


def test_flows_that_do_not_fit_are_refused() -> None:
    flows, source, target = random_step(0)
    for wrong in (flows[:, 1:], flows[:2], torch.cat([flows, flows]), flows[0]):
        with pytest.raises(UserError, match="do not fit"):
            track(wrong, source, target)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_flows_that_are_no_flows_are_refused(value: float) -> None:
    flows, source, target = random_step(0)
    flows[1, 1] = value
    with pytest.raises(UserError, match="finite and not negative"):
        track(flows, source, target)


def plain_edges(step: LayerStep, keep: int) -> list[tuple[int, int]]:
    rows, columns = step.mass.shape
    chosen = []
    for i in range(rows):
        for j in range(columns):
            by_source = sorted(range(columns), key=lambda other: (-step.mass[i, other], other))[:keep]
            by_target = sorted(range(rows), key=lambda other: (-step.mass[other, j], other))[:keep]
            if step.matched[i] == j or step.event[i, j] != 0 or step.z[i, j] >= 3 or j in by_source or i in by_target:
                chosen.append((int(step.source[i]), int(step.target[j])))
    return chosen


@pytest.mark.parametrize("keep", [0, 1, 2, 5, 20])
@pytest.mark.parametrize("shares", ["excess", "relative"])
def test_the_edge_table_keeps_what_the_design_says(keep: int, shares: str) -> None:
    step = track(*random_step(9), shuffles=0, shares=shares)
    table = edge_table(step, keep)
    assert list(zip(table["source"].tolist(), table["target"].tolist(), strict=True)) == plain_edges(step, keep)


def test_of_equal_masses_the_edge_table_keeps_the_first() -> None:
    generator = np.random.default_rng(0)
    source, target = blocks(*[2] * 7), blocks(*[2] * 9)
    flows = torch.from_numpy(generator.integers(1, 3, (7, 9)).repeat(2, axis=1)).float()
    step = track(flows, source, target, shuffles=0)
    for keep in (1, 3):
        table = edge_table(step, keep)
        found = list(zip(table["source"].tolist(), table["target"].tolist(), strict=True))
        assert found == plain_edges(step, keep)


def test_the_edge_table_carries_the_numbers_of_each_edge() -> None:
    step = track(*drawn(), shuffles=0)
    table = edge_table(step, keep=2)
    assert list(table) == [
        *("source", "target", "mass", "flow", "alpha", "beta", "lift", "z", "matched", "event"),
    ]
    for edge in table.itertuples():
        i, j = edge.source, edge.target
        for name in ("mass", "flow", "alpha", "beta", "lift", "z"):
            assert getattr(edge, name) == getattr(step, name)[i, j]
        assert edge.matched == (step.matched[i] == j)
        assert edge.event == {0: None, 1: "persist", 2: "split", 3: "merge"}[int(step.event[i, j])]
    assert table["matched"].dtype == bool
    assert {kind for kind in table["event"] if kind} == {"persist", "split", "merge"}
    assert table["event"].isna().any() and not any(isinstance(kind, float) for kind in table["event"])


def test_an_undefined_z_is_nan_in_the_edge_table() -> None:
    flows, _, target = drawn()
    table = edge_table(track(flows[:1], blocks(5), target, shuffles=0))
    assert table["z"].isna().all() and isinstance(table, pd.DataFrame)


def test_the_edge_table_takes_the_threshold_given() -> None:
    step = track(*random_step(0), shuffles=0, z_min=2.0)
    lax, strict = edge_table(step, 0, z_min=1.0), edge_table(step, 0, z_min=50.0)
    assert len(lax) > len(strict)
    assert (lax["z"] >= 1.0).sum() == (step.z >= 1.0).sum()


@pytest.mark.parametrize("largest", [1, 4, 9, 10, 100])
def test_only_the_largest_are_sources(largest: int) -> None:
    flows, source, target = random_step(3)
    assert (source.sizes >= 2).sum() == 10
    step = track(flows, source, target, largest=largest, shuffles=2)
    followed = min(largest, 10)
    assert step.source.tolist() == list(range(followed))
    assert step.left_out == 10 - followed
    assert step.mass.shape[0] == len(step.fate) == followed
    # Rows of the others may be missing, and say nothing where they are there.
    alone = track(flows[:followed], source, target, largest=largest, shuffles=2)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(step, name), getattr(alone, name))
    assert alone.chance == step.chance
    whole = track(flows, source, target, shuffles=0)
    np.testing.assert_array_equal(step.mass, whole.mass[:followed])
    # A target that no followed source feeds may be fed by another.
    unfed = (step.event == 0).all(0)
    assert unfed.any() and (step.origin[unfed] == (E if followed == 10 else 0)).all()
    assert ("emerge" in step.counts) == ("emerge" in step.chance) == (followed == 10)


@st.composite
def small_steps(draw: st.DrawFn) -> tuple[torch.Tensor, Partition, Partition]:
    """Layers of one neuron and more, flows of whole numbers: zeros, ties, and one like the other."""
    source, target = (
        Partition.from_labels(np.array(draw(st.lists(st.integers(0, 4), min_size=1, max_size=9)))) for _ in range(2)
    )
    shape = (len(source), target.n)
    largest = draw(st.sampled_from([0, 1, 5]))
    return torch.from_numpy(draw(arrays(np.float32, shape, elements=st.integers(0, largest)))), source, target


OPTIONS = {
    "min_size": st.integers(1, 3),
    "shares": st.sampled_from(["excess", "relative", "flow"]),
    "events": st.sampled_from(["excess", "matched"]),
    "largest": st.sampled_from([None, 1, 2, 50]),
}


@settings(max_examples=150, deadline=None)
@given(given_step=small_steps(), options=st.fixed_dictionaries(OPTIONS))
def test_any_step_is_counted_and_adds_up(
    given_step: tuple[torch.Tensor, Partition, Partition], options: dict[str, object]
) -> None:
    flows, source, target = given_step
    step = track(flows, source, target, shuffles=2, **options)  # type: ignore[arg-type]
    assert step.counts == {
        name: count for name, count in counted(step).items() if name != "emerge" or not step.left_out
    }
    assert not step.left_out or not (step.origin == E).any()
    large = int((source.sizes >= options["min_size"]).sum())
    assert len(step.source) + step.left_out == large
    for counts in (step.counts, step.chance):
        fates = sum(counts[fate] for fate in ("persist", "split", "merge", "vanish"))
        assert fates == pytest.approx(len(step.source))
    for shares, axis in ((step.alpha, 1), (step.beta, 0)):
        assert np.isfinite(shares).all() and (shares >= 0).all() and (shares <= 1 + 1e-6).all()
        if options["shares"] != "relative":
            assert (shares.sum(axis) <= 1 + 1e-5).all()
    assert np.isfinite(step.lift).all()
    np.testing.assert_allclose(step.flow.sum(), flows[: len(step.source)][:, kept(target, options)].sum())


def kept(target: Partition, options: dict[str, object]) -> np.ndarray:
    found: np.ndarray = target.sizes[target.labels] >= options["min_size"]
    return found


@settings(max_examples=60, deadline=None)
@given(given_step=small_steps(), options=st.fixed_dictionaries(OPTIONS), power=st.integers(-30, 30))
def test_the_unit_of_flow_does_not_matter(
    given_step: tuple[torch.Tensor, Partition, Partition], options: dict[str, object], power: int
) -> None:
    flows, *layers = given_step
    step = track(flows, *layers, shuffles=2, **options)  # type: ignore[arg-type]
    other = track(flows * 2.0**power, *layers, shuffles=2, **options)  # type: ignore[arg-type]
    for name in ARRAYS:
        unit = 2.0**power if name in ("mass", "flow") else 1
        np.testing.assert_array_equal(getattr(other, name), getattr(step, name) * unit)
    assert other.counts == step.counts
    assert other.chance == step.chance
