"""What a layer step says of masses, flows and shares: by hand, by plain sums, under its options, and of bad input."""

import numpy as np
import pytest
import torch
from lineage.steps import ARRAYS, COUNTS, blocks, drawn, random_step, same

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.lineage.events import Kind
from hedonic_graph.lineage.matching import maximum_matching
from hedonic_graph.lineage.step import edge_table, track

V, E = Kind.VANISH, Kind.EMERGE


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


@pytest.mark.parametrize(("shares", "events"), [("excess", "excess"), ("relative", "excess"), ("relative", "matched")])
def test_the_thresholds_are_those_of_the_design(shares: str, events: str) -> None:
    """Read off the shares and distances of many steps, on both sides of either threshold."""
    near = []
    for seed in range(20):
        step = track(*random_step(seed), shares=shares, events=events, shuffles=0)
        assert step.counts["significant"] == (step.z >= 3).sum()
        high = (step.alpha >= 0.7) | (step.beta >= 0.7)
        if events == "matched":
            high &= step.matched[:, None] == np.arange(len(step.target))
        assert ((step.event != Kind.NONE) == high).all()
        if shares == "excess":
            assert ((step.alpha > 0) == ((step.z >= 3) & (step.lift > 1))).all()
        near += [*step.alpha.ravel(), *step.beta.ravel()]
    if shares == "relative":
        assert any(0.65 < one < 0.7 for one in near) and any(0.7 < one < 0.75 for one in near)


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
