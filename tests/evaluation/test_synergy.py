"""Synergy of coalitions against ablation written out, on random blocks and on whole models."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from models.loading import captured, load, sentences
from oracle import Ablation, Whole
from tiny import save_adapter, save_kind
from torch import Tensor
from valuation.blocks import random_block

from hedonic_graph.errors import UserError
from hedonic_graph.evaluation.synergy import synergy_of
from hedonic_graph.models.mlp import MLPBlock
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.exact import synergy
from hedonic_graph.valuation.pas import pas

QUERIES = ["a", "a", "b", "c", "c", "c", "d"]
GROUPS = [np.array(group) for group in ([0, 3], [1, 2, 4, 5, 6, 9], [8], list(range(13)))]
CASES = [*product(["low", "full", None], ["rms", "layer"], [False, True], [False, True])]
CASES += [("low", None, True, False), ("low", None, False, True), ("low", None, True, True)]

Seen = tuple[MLPBlock, Readout, Tensor, Tensor, Tensor]


def example(step: str | None = "low", **options: object) -> Seen:
    torch.manual_seed(11)
    block, readout = random_block(13, 10, step=step, **options)  # type: ignore[arg-type]
    h, y = torch.randn(7, 10), torch.randn(7, 10) * 3 + 1
    return block, readout, y, block.activations(h, block.tuned), block.activations(h, block.base)


def logits(seen: Seen, ablated: Sequence[int]) -> Tensor:
    """The logit as the design writes it, [B] in float64, with neurons ablated."""
    block, readout, y, tuned, base = (one.double() if isinstance(one, Tensor) else one for one in seen)
    step = torch.zeros_like(y)
    for i in ablated:
        step += tuned[:, i, None] * block.tuned.down[:, i].double() - base[:, i, None] * block.base.down[:, i].double()
    if block.post_norm is None:
        return readout(y - step)
    m = block.written(tuned)
    return readout(y - block.post_norm(m) + block.post_norm(m - step))


def by_hand(seen: Seen, group: np.ndarray) -> tuple[float, np.ndarray]:
    """psi of a group, and the mean over its ordered pairs in each example, [B]."""
    none = logits(seen, [])
    alone = {i: logits(seen, [i]) for i in group}
    psi = sum(float((none - alone[i]).mean()) for i in group)
    pairs = [none - alone[i] - alone[j] + logits(seen, [i, j]) for i in group for j in group if i != j]
    return psi, torch.stack(pairs).mean(0).numpy() if pairs else np.full(len(none), np.nan)


@pytest.mark.parametrize(("step", "norm", "post", "capped"), CASES)
def test_exact_figures_are_those_of_ablation_written_out(
    step: str | None, norm: str | None, post: bool, capped: bool
) -> None:
    seen = example(step, norm=norm, post=post, capped=capped)
    found = synergy_of(*seen, GROUPS, queries=QUERIES)
    assert (found["order"] == "exact").all()
    for row, group in zip(found.itertuples(), GROUPS, strict=True):
        psi, pair = by_hand(seen, group)
        assert row.psi == pytest.approx(psi, rel=1e-10)
        assert row.pair == pytest.approx(pair.mean(), rel=1e-8, abs=1e-13, nan_ok=True)
        assert row.pair_error == pytest.approx(error_by_hand(pair, QUERIES), rel=1e-8, nan_ok=True)
        size = len(group)
        ratio = pair.mean() * size * (size - 1) / psi
        assert row.ratio == pytest.approx(ratio, rel=1e-8, nan_ok=True)


def error_by_hand(values: np.ndarray, queries: Sequence[str]) -> float:
    totals = pd.Series(values - values.mean()).groupby(list(queries)).sum(min_count=1)
    count = len(totals)
    return float(np.sqrt((totals**2).sum(min_count=1) * count / (count - 1)) / len(values))


@pytest.mark.parametrize(("step", "norm", "post", "capped"), CASES)
def test_the_second_order_is_the_mean_of_pas(step: str | None, norm: str | None, post: bool, capped: bool) -> None:
    seen = example(step, norm=norm, post=post, capped=capped)
    phi = pas(*seen).double().numpy()
    found = synergy_of(*seen, GROUPS, queries=QUERIES, exact_up_to=5)
    assert found["order"].tolist() == ["exact", "second", "exact", "second"]
    for row, group in zip(found.itertuples(), GROUPS, strict=True):
        inside = phi[np.ix_(group, group)]
        expected = inside.sum() / (len(group) * (len(group) - 1)) if len(group) > 1 else np.nan
        assert row.second_pair == pytest.approx(expected, abs=1e-5 * np.abs(phi).max(), nan_ok=True)
        if row.order == "second":
            assert row.pair == row.second_pair


def test_exact_pairs_are_those_of_valuation() -> None:
    seen = example()
    group = GROUPS[3]
    pairs = torch.tensor(list(combinations(range(13), 2)))
    assert synergy_of(*seen, [group], queries=QUERIES)["pair"][0] == pytest.approx(float(synergy(*seen, pairs).mean()))


def test_small_deltas_keep_their_digits() -> None:
    """Against ablation with fifty digits: plain float64 differences of logits have none left here."""
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 50
    torch.manual_seed(3)
    block, readout = random_block(4, 6, step=None)
    y, tuned = torch.randn(2, 6), torch.randn(2, 4)
    base = torch.nextafter(tuned, torch.tensor(torch.inf))
    seen = (block, readout, y, tuned, base)

    def number(value: float) -> "mpmath.mpf":
        return mpmath.mpf(float(value))

    def logit(example: int, ablated: tuple[int, ...]) -> "mpmath.mpf":
        norm = readout.norm
        z = [number(value) for value in y[example]]
        for i in ablated:
            change = number(tuned[example, i]) - number(base[example, i])
            z = [one - change * number(weight) for one, weight in zip(z, block.tuned.down[:, i], strict=True)]
        rho = mpmath.sqrt(sum(one**2 for one in z) / 6 + number(norm.eps))
        heads = zip(readout.weight[0], norm.gain, z, strict=True)
        return sum(number(weight) * number(gain) * one for weight, gain, one in heads) / rho

    total = mpmath.mpf(0)
    for example, (i, j) in product(range(2), combinations(range(4), 2)):
        total += logit(example, ()) - logit(example, (i,)) - logit(example, (j,)) + logit(example, (i, j))
    found = synergy_of(*seen, [np.arange(4)], queries=["a", "b"])["pair"][0]
    assert found == pytest.approx(float(total / 12), rel=1e-6, abs=0)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_whole_models_with_their_weights_put_back(kind: str, tmp_path: Path) -> None:
    """RMSNorm, LayerNorm, and a norm behind the MLP: weights change and the model's own modules run."""
    base = save_kind(tmp_path / "base", kind, d_ff=14)
    adapter = save_adapter(base, tmp_path / "lora")
    prompts = sentences(5, words=5)
    oracle = Ablation(Whole(base, adapter), 1, prompts)
    model = load(base, adapter, (1,))
    kept = captured(model, prompts, (1,))[1]
    group = [0, 2, 5, 6, 11]
    found = synergy_of(
        model.block(1), model.readout, kept.y, kept.tuned, kept.base, [np.array(group)], queries=list("abcde")
    )
    expected = np.mean([oracle.synergy(i, j) for i, j in combinations(group, 2)])
    assert found["pair"][0] == pytest.approx(expected, rel=1e-3)
    psi = sum(float((oracle.logit() - oracle.logit(i)).mean()) for i in group)
    assert found["psi"][0] == pytest.approx(psi, rel=1e-3)


@pytest.mark.parametrize("post", [False, True])
def test_neurons_that_nothing_tuned_change_nothing(post: bool) -> None:
    block, readout, y, tuned, _ = example(None, post=post)
    found = synergy_of(replace(block, base=block.tuned), readout, y, tuned, tuned.clone(), GROUPS, queries=QUERIES)
    assert (found["psi"] == 0).all()
    assert (found["pair"].dropna() == 0).all()
    assert (found["second_pair"].dropna() == 0).all()
    assert found["ratio"].isna().all()


def test_psi_that_cancels_has_no_ratio() -> None:
    """Three neurons whose deltas add up to nothing, but for rounding, under a readout without a norm."""
    torch.manual_seed(5)
    block, readout = random_block(3, 6, step=None, norm=None)
    # Few enough digits for float32 to add them exactly, too many for float64 to multiply them so.
    down = torch.randint(-4096, 4096, (6, 3)) / 4096
    down[:, 2] = -down[:, 0] - down[:, 1]
    block = replace(block, tuned=replace(block.tuned, down=down), base=replace(block.base, down=down))
    y, tuned = torch.randn(7, 6), torch.randn(7, 1).expand(7, 3).contiguous()
    found = synergy_of(block, readout, y, tuned, torch.zeros_like(tuned), [np.arange(3)], queries=QUERIES)
    assert 0 < abs(found["psi"][0]) < 1e-13
    assert np.isnan(found["ratio"][0])
    assert found["second_pair"][0] == 0


@pytest.mark.parametrize("post", [False, True])
def test_blocks_of_pairs_and_members_change_rounding_only(post: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = example(post=post, capped=True)
    whole = synergy_of(*seen, GROUPS, queries=QUERIES)
    monkeypatch.setattr("hedonic_graph.evaluation.synergy._AT_ONCE", 20)
    monkeypatch.setattr("hedonic_graph.evaluation.synergy._MEMBERS", 4)
    pd.testing.assert_frame_equal(synergy_of(*seen, GROUPS, queries=QUERIES), whole, rtol=1e-9)


def test_no_groups_and_arrays_that_do_not_fit() -> None:
    seen = example()
    assert list(synergy_of(*seen, [], queries=QUERIES).columns)[:2] == ["psi", "pair"]
    with pytest.raises(UserError, match="2 queries do not fit 7"):
        synergy_of(*seen, GROUPS, queries=["a", "b"])
