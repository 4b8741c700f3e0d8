"""The drawn run: what must hold of any run, and the shapes of a real one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hedonic_graph.bench import shapes
from hedonic_graph.bench.synthetic import Scale, Synthetic
from hedonic_graph.errors import UserError
from hedonic_graph.lineage import events

SMALL = Scale(layers=4, neurons=1536, coalitions=800, edges=30_000)


@pytest.fixture(scope="module")
def drawn() -> Synthetic:
    return Synthetic(SMALL, hold=4)


def _sizes(drawn: Synthetic, layer: int) -> np.ndarray:
    return drawn.coalitions(drawn.runs[0], layer)["size"].to_numpy()


def _followed(drawn: Synthetic, layer: int) -> int:
    return int((_sizes(drawn, layer) > 1).sum())


def test_it_is_as_large_as_asked(drawn: Synthetic) -> None:
    run = drawn.runs[0]
    assert len(drawn.layers) == 4
    assert sum(len(drawn.coalitions(run, layer)) for layer in drawn.layers) == 800
    assert sum(len(drawn.edges(run, layer, 20)) for layer in drawn.layers) == 30_000
    assert list(drawn.edges(run, drawn.layers[-1], 20).columns) == list(drawn.edges(run, 7, 20).columns)


def test_every_neuron_is_in_one_coalition_and_ranks_go_by_size(drawn: Synthetic) -> None:
    for layer in drawn.layers:
        members = drawn.members(drawn.runs[0], layer)
        sizes = _sizes(drawn, layer)
        assert sorted(members["neuron"]) == list(range(1536))
        assert np.bincount(members["coalition"]).tolist() == sizes.tolist()
        assert (np.diff(sizes) <= 0).all()
        assert sizes[-1] >= 1


def test_edges_join_followed_coalitions_once(drawn: Synthetic) -> None:
    for layer in drawn.layers[:-1]:
        frame = drawn.edges(drawn.runs[0], layer, 20)
        assert not frame.duplicated(["source", "target"]).any()
        assert frame["source"].max() < _followed(drawn, layer)
        assert frame["target"].max() < _followed(drawn, layer + 1)
        sizes = _sizes(drawn, layer)[frame["source"]] * _sizes(drawn, layer + 1)[frame["target"]]
        np.testing.assert_allclose(frame["flow"], frame["mass"] * sizes, rtol=1e-5)


def test_events_fates_and_origins_follow_from_the_shares(drawn: Synthetic) -> None:
    seen: set[str | None] = set()
    for layer in drawn.layers[:-1]:
        frame = drawn.edges(drawn.runs[0], layer, 20)
        shape = (_followed(drawn, layer), _followed(drawn, layer + 1))
        alpha, beta = torch.zeros(shape), torch.zeros(shape)
        place = (torch.tensor(frame["source"].to_numpy()), torch.tensor(frame["target"].to_numpy()))
        alpha[place], beta[place] = torch.tensor(frame["alpha"].to_numpy()), torch.tensor(frame["beta"].to_numpy())
        for share, axis in ((alpha, 1), (beta, 0)):
            sums = share.sum(axis)
            assert torch.allclose(sums[sums > 0], torch.ones(()))
        kinds = events.classify(alpha, beta, events.HIGH)
        labels = np.array([kind.label for kind in events.Kind], dtype=object)
        assert frame["event"].tolist() == labels[kinds[place]].tolist()
        seen.update(frame["event"])
        fate = drawn.coalitions(drawn.runs[0], layer)["fate"]
        origin = drawn.coalitions(drawn.runs[0], layer + 1)["origin"]
        assert fate[: shape[0]].tolist() == labels[events.fates(kinds)].tolist()
        assert origin[: shape[1]].tolist() == labels[events.origins(kinds)].tolist()
        assert fate[shape[0] :].isna().all()
        assert origin[shape[1] :].isna().all()
    assert seen == {"persist", "split", "merge", None}
    assert drawn.coalitions(drawn.runs[0], drawn.layers[-1])["fate"].isna().all()
    assert drawn.coalitions(drawn.runs[0], drawn.layers[0])["origin"].isna().all()


def test_shares_are_of_what_exceeds_chance(drawn: Synthetic) -> None:
    frame = drawn.edges(drawn.runs[0], 7, 20)
    counts = (frame["alpha"] > 0) | (frame["beta"] > 0)
    assert (frame[counts]["z"] >= 3).all()
    assert (frame[counts]["lift"] > 1).all()


def test_matched_edges_are_a_matching(drawn: Synthetic) -> None:
    frame = drawn.edges(drawn.runs[0], 8, 20)
    matched = frame[frame["matched"]]
    assert len(matched) == min(_followed(drawn, 8), _followed(drawn, 9))
    assert matched["source"].is_unique
    assert matched["target"].is_unique


def test_preferences_are_three_others_in_falling_order(drawn: Synthetic) -> None:
    frame = drawn.preferences("pas", 7)
    assert len(frame) == 3 * 1536
    assert (frame["neuron"] != frame["other"]).all()
    assert not frame.duplicated(["neuron", "other"]).any()
    assert frame["rank"].tolist() == [1, 2, 3] * 1536
    assert (np.diff(frame["phi"].to_numpy().reshape(-1, 3)) <= 0).all()
    assert (frame["phi"] > 0).all()


def test_coalitions_align_with_features_of_the_run_alone(drawn: Synthetic) -> None:
    frame = drawn.alignments(drawn.runs[0], 7)
    assert sorted(set(frame["coalition"])) == list(range(_followed(drawn, 7)))
    assert not frame.duplicated(["coalition", "feature"]).any()
    assert frame["feature"].str.startswith("synthetic/").all()
    assert frame["r2"].between(0, 1).all()
    best = frame.loc[frame.groupby("coalition")["r2"].idxmax()]
    coalitions = drawn.coalitions(drawn.runs[0], 7)
    assert coalitions["feature"].dropna().tolist() == best["feature"].tolist()
    assert coalitions["r2"].dropna().tolist() == best["r2"].tolist()
    assert (coalitions["pair"].isna() == (coalitions["size"] < 2)).all()


def test_the_same_seed_gives_the_same_run_in_any_order_and_another_one_does_not() -> None:
    def tables(drawn: Synthetic, layers: list[int]) -> dict[int, list[pd.DataFrame]]:
        run = drawn.runs[0]
        return {
            layer: [
                drawn.edges(run, layer, 20),
                drawn.members(run, layer),
                drawn.coalitions(run, layer),
                drawn.preferences("pas", layer),
                drawn.alignments(run, layer),
            ]
            for layer in layers
        }

    one, again = tables(Synthetic(SMALL), [7, 8, 9]), tables(Synthetic(SMALL, hold=1), [9, 8, 7])
    for layer in one:
        for first, second in zip(one[layer], again[layer], strict=True):
            pd.testing.assert_frame_equal(first, second)
    other = tables(Synthetic(replace(SMALL, seed=1)), [7])
    for first, second in zip(one[7], other[7], strict=True):
        assert not first.equals(second)


def test_fingerprints_differ_with_the_scale_and_the_run() -> None:
    first = Synthetic(SMALL, runs=2)
    second = Synthetic(replace(SMALL, edges=30_001))
    prints = [first.fingerprint(first.runs[0]), first.fingerprint(first.runs[1]), second.fingerprint(second.runs[0])]
    assert len(set(prints)) == 3
    assert first.preferences_fingerprint("pas", 7) != second.preferences_fingerprint("pas", 7)
    assert prints[0] == Synthetic(SMALL).fingerprint(first.runs[0])


def test_runs_share_preferences_and_differ_in_the_rest() -> None:
    drawn = Synthetic(SMALL, runs=2)
    first, second = drawn.runs
    assert first.id != second.id
    assert not drawn.members(first, 7).equals(drawn.members(second, 7))
    assert not drawn.edges(first, 7, 20).equals(drawn.edges(second, 7, 20))


def test_sizes_are_those_of_a_real_layer() -> None:
    """SmolLM2, PAC on PAS: 345-669 coalitions of 1,536 neurons, 48-84 % of them pairs, one of 11-34 %."""
    for seed in range(20):
        sizes = shapes.sizes(1536, 450, np.random.default_rng(seed))
        assert sizes.sum() == 1536
        assert 0.5 < (sizes == 2).mean() < 0.9
        assert 0.1 <= sizes[0] / 1536 <= 0.35
        assert sizes[5] < 40


def test_degrees_are_those_of_a_real_step() -> None:
    """Seen: half of the sources at the least degree, one in a hundred at 60 % of all targets or more, and in-degrees
    whose ninth tenth is two to four times the first."""
    drawn = Synthetic(Scale(2, 4096, 900, 40_000))
    frame = drawn.edges(drawn.runs[0], 7, 20)
    targets = _followed(drawn, 8)
    out = np.bincount(frame["source"], minlength=_followed(drawn, 7))
    into = np.bincount(frame["target"], minlength=targets)
    assert np.median(out) <= out.min() + 5
    assert np.percentile(out, 99) > 0.6 * targets
    assert 1.5 < np.percentile(into, 90) / np.percentile(into, 10) < 5


def test_lineage_is_that_of_a_real_run() -> None:
    """Seen in seven steps: 0.5-0.7 % of all pairs beyond z = 3; 42-66 % of sources vanish, 2-7 % persist."""
    drawn = Synthetic(replace(SMALL, layers=8, coalitions=3600, neurons=4096, edges=200_000))
    run = drawn.runs[0]
    pairs = sum(_followed(drawn, layer) * _followed(drawn, layer + 1) for layer in drawn.layers[:-1])
    beyond = sum(int((drawn.edges(run, layer, 20)["z"] >= 3).sum()) for layer in drawn.layers)
    assert 0.004 < beyond / pairs < 0.008
    fates = pd.concat([drawn.coalitions(run, layer)["fate"] for layer in drawn.layers]).dropna()
    share = fates.value_counts(normalize=True)
    assert 0.4 < share["vanish"] < 0.75
    assert 0.005 < share["persist"] < 0.1
    assert share["split"] > 0.05
    assert share["merge"] > 0.05


def test_a_few_neurons_are_everybodys_favourites() -> None:
    """Seen: the most popular of 1,536 is chosen by 35-50 % of them, and 19 in 20 by none."""
    chosen = shapes.favourites(14_336, 3, np.random.default_rng(0))
    count = np.bincount(chosen.ravel(), minlength=14_336)
    assert 0.25 < count.max() / 14_336 < 0.5
    assert (count == 0).mean() > 0.85


def test_a_target_that_is_the_whole_layer_has_no_z() -> None:
    drawn = shapes.step(np.array([5, 3]), np.array([8]), 8, 2, np.random.default_rng(0))
    assert np.isnan(drawn.numbers["z"]).all()
    assert drawn.fate.tolist() == ["vanish", "vanish"]
    assert drawn.origin.tolist() == ["emerge"]


def test_the_smallest_run_there_is() -> None:
    drawn = Synthetic(Scale(layers=2, neurons=12, coalitions=4, edges=4))
    assert sum(len(drawn.edges(drawn.runs[0], layer, 20)) for layer in drawn.layers) == 4
    assert len(drawn.preferences("pas", 7)) == 36


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 1}, "layers is 1"),
        ({"coalitions": 7}, "8 to 1,024"),
        ({"coalitions": 1025}, "coalitions is 1,025"),
        ({"neurons": 0}, "coalitions is 800"),
        ({"edges": 10**7}, "edges is 10,000,000"),
        ({"edges": 5}, "edges are too few"),
        ({"edges": -1}, "edges are too few"),
    ],
)
def test_a_run_that_cannot_be_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        drawn = Synthetic(replace(SMALL, **change))
        drawn.edges(drawn.runs[0], 7, 20)
