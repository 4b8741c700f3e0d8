"""What becomes of coalitions, and how often: drawn by hand, beside chance, and in any step."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lineage.steps import ARRAYS, COUNTS, blocks, counted, drawn, random_step, same

from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage.events import Kind
from hedonic_graph.lineage.step import track

P, S, M, V, E = Kind.PERSIST, Kind.SPLIT, Kind.MERGE, Kind.VANISH, Kind.EMERGE


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


def test_the_same_seed_gives_the_same_step_and_another_seed_other_shuffles() -> None:
    step = track(*random_step(0), seed=5)
    same(step, track(*random_step(0), seed=5))
    others = [track(*random_step(0), seed=seed) for seed in (6, 7, 8)]
    assert all(step.counts == other.counts for other in others)
    assert any(step.chance != other.chance for other in others)


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
