"""PAS on blocks of random numbers, and on a real model."""

import copy
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from models.loading import captured
from oracle import StayDouble
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook
from valuation.blocks import random_block
from valuation.hessian import hessian_form

from hedonic_graph import blocks
from hedonic_graph.errors import UserError
from hedonic_graph.models.capture import batches
from hedonic_graph.models.mlp import Factors, MLPBlock, Projections
from hedonic_graph.models.readout import Readout
from hedonic_graph.valuation.exact import check_second_order, synergy
from hedonic_graph.valuation.pas import pas, pas_errors


def form_of(block: MLPBlock, readout: Readout, y: Tensor, tuned: Tensor, base: Tensor) -> Tensor:
    """The oracle: the logit written down by the design, and autograd."""
    deltas = block.deltas(tuned.double(), base.double(), torch.arange(tuned.shape[1]))
    if block.post_norm is None:
        return hessian_form(lambda _, z: readout(z), y, deltas)
    m = block.written(tuned.double())
    rest = y.double() - block.post_norm(m)
    return hessian_form(lambda example, z: readout(rest[example] + block.post_norm(z)), m, deltas)


CASES = [*product(["low", "full", None], ["rms", "layer"], [False, True], [False, True])]
CASES += [("low", None, True, False), ("low", None, False, True), ("low", None, True, True)]


@pytest.mark.parametrize(("step", "norm", "post", "capped"), CASES)
def test_closed_form_is_the_autograd_hessian(step: str | None, norm: str | None, post: bool, capped: bool) -> None:
    torch.manual_seed(7)
    block, readout = random_block(17, 12, step=step, norm=norm, post=post, capped=capped)
    h, y = torch.randn(7, 12), torch.randn(7, 12) * 3 + 1
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    expected = form_of(block, readout, y, tuned, base)
    for size in (2048, 5):
        phi = pas(block, readout, y, tuned, base, block_size=size)
        assert torch.equal(phi, phi.T)
        assert not phi.diagonal().any()
        assert (phi - expected).abs().max() < 2e-5 * expected.abs().max()


def example(
    step: str | None = "low", examples: int = 9, **options: Any
) -> tuple[MLPBlock, Readout, Tensor, Tensor, Tensor]:
    """What pas is called with, drawn at random."""
    torch.manual_seed(11)
    block, readout = random_block(13, 10, step=step, **options)
    h, y = torch.randn(examples, 10), torch.randn(examples, 10) * 3 + 1
    return block, readout, y, block.activations(h, block.tuned), block.activations(h, block.base)


def test_parts_of_the_examples_have_the_whole_as_their_mean() -> None:
    block, readout, *seen = example()
    whole = pas(block, readout, *seen)
    assert torch.equal(pas(block, readout, *seen, torch.ones(9, dtype=torch.int64)), whole)
    first = torch.arange(9) < 4
    parts = [pas(block, readout, *seen, half) for half in (first, ~first)]
    torch.testing.assert_close(
        (4 * parts[0] + 5 * parts[1]) / 9, whole, rtol=1e-4, atol=1e-5 * float(whole.abs().max())
    )
    torch.testing.assert_close(parts[0], pas(block, readout, *(one[:4] for one in seen)))


def test_examples_seen_several_times_are_repeated_rows() -> None:
    block, readout, *seen = example()
    times = torch.tensor([0, 3, 1, 0, 0, 2, 1, 0, 2])
    repeated = pas(block, readout, *(one.repeat_interleave(times, dim=0) for one in seen))
    found = pas(block, readout, *seen, times)
    torch.testing.assert_close(found, repeated, rtol=1e-4, atol=1e-5 * float(repeated.abs().max()))
    order = torch.randperm(9)
    shuffled = pas(block, readout, *(one[order] for one in seen), times[order])
    torch.testing.assert_close(shuffled, found, rtol=1e-4, atol=1e-5 * float(repeated.abs().max()))


@pytest.mark.parametrize(("step", "norm", "post", "capped"), CASES)
def test_standard_errors_are_those_of_the_examples_one_by_one(
    step: str | None, norm: str | None, post: bool, capped: bool
) -> None:
    block, readout, *seen = example(step, norm=norm, post=post, capped=capped)
    each = torch.stack([pas(block, readout, *(part[one : one + 1] for part in seen)) for one in range(9)]).double()
    pairs = torch.tensor([(i, j) for i in range(13) for j in range(13) if i != j])
    expected = (each.std(0) / 3)[pairs[:, 0], pairs[:, 1]]
    for size in (2048, 50):
        found = pas_errors(block, readout, *seen, pairs, block_size=size)
        assert (found - expected).abs().max() < 1e-4 * expected.max()
    assert pas_errors(block, readout, *(one[:1] for one in seen), pairs[:2]).isnan().all()
    # Three queries of four, three and two examples: sums over each query's own.
    queries = torch.tensor([0, 1, 0, 2, 0, 1, 2, 0, 1])
    sums = torch.stack([(each - each.mean(0))[queries == query].sum(0) for query in range(3)])
    expected = ((sums.square().sum(0) * 3 / 2).sqrt() / 9)[pairs[:, 0], pairs[:, 1]]
    found = pas_errors(block, readout, *seen, pairs, queries, block_size=50)
    assert (found - expected).abs().max() < 1e-4 * expected.max()


def test_zero_reference_takes_the_whole_neuron_off() -> None:
    torch.manual_seed(3)
    block, readout = random_block(11, 8, step=None)
    block = replace(block, base=block.tuned)
    h, y = torch.randn(6, 8), torch.randn(6, 8)
    tuned = block.activations(h, block.tuned)
    phi = pas(block, readout, y, tuned, torch.zeros_like(tuned))
    deltas = tuned[:, :, None] * block.tuned.down.T
    expected = hessian_form(lambda _, z: readout(z), y, deltas)
    assert (phi - expected).abs().max() < 1e-5 * expected.abs().max()


def test_without_a_norm_every_pair_is_exactly_zero_and_pas_says_so() -> None:
    torch.manual_seed(4)
    block, readout = random_block(9, 8)
    readout = readout.without_norm()
    h, y = torch.randn(6, 8), torch.randn(6, 8)
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    assert synergy(block, readout, y, tuned, base, torch.tensor([[3, 8], [0, 1]])).abs().max() < 1e-12
    with pytest.raises(UserError, match="every pairwise interaction is exactly zero"):
        pas(block, readout, y, tuned, base)


def test_the_check_reports_correlation_and_error_of_the_strongest_pairs() -> None:
    torch.manual_seed(6)
    block, readout = random_block(20, 12)
    h, y = torch.randn(8, 12), torch.randn(8, 12) * 20
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    phi = pas(block, readout, y, tuned, base)
    rows, columns = np.triu_indices(20, 1)
    exact = synergy(block, readout, y, tuned, base, torch.tensor(np.stack([rows, columns], 1))).numpy()
    ours = phi.numpy()[rows, columns]
    strongest = np.argsort(-np.abs(ours))[:50]
    check = check_second_order(phi, block, readout, y, tuned, base)
    assert check.pairs == 50
    assert check.correlation == pytest.approx(np.corrcoef(ours[strongest], exact[strongest])[0, 1], abs=1e-6)
    expected = np.abs(ours - exact)[strongest].mean() / np.abs(exact)[strongest].mean()
    assert check.error == pytest.approx(expected, rel=1e-3)


def test_permuting_neurons_permutes_phi_and_permuting_examples_does_nothing() -> None:
    torch.manual_seed(5)
    block, readout = random_block(23, 10)
    h, y = torch.randn(12, 10), torch.randn(12, 10)
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    phi = pas(block, readout, y, tuned, base)
    order, examples = torch.randperm(23), torch.randperm(12)
    assert block.down_step is not None
    assert block.down_step.right is not None
    moved = replace(
        block,
        tuned=Projections(block.tuned.up, block.tuned.down[:, order]),
        base=Projections(block.base.up, block.base.down[:, order]),
        down_step=Factors(block.down_step.left, block.down_step.right[:, order]),
    )
    again = pas(moved, readout, y[examples], tuned[examples][:, order], base[examples][:, order])
    torch.testing.assert_close(again, phi[order][:, order], rtol=1e-4, atol=1e-5 * float(phi.abs().max()))


def test_the_unit_of_the_readout_is_that_of_phi() -> None:
    block, readout, *seen = example()
    larger = replace(readout, weight=readout.weight * 2.0**20)
    assert torch.equal(pas(block, larger, *seen), pas(block, readout, *seen) * 2.0**20)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("post", [False, True])
def test_the_smallest_layers(n: int, post: bool) -> None:
    torch.manual_seed(n)
    block, readout = random_block(n, 6, post=post)
    h, y = torch.randn(5, 6), torch.randn(5, 6) * 3
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    phi = pas(block, readout, y, tuned, base)
    expected = form_of(block, readout, y, tuned, base)
    assert phi.shape == (n, n)
    assert (phi - expected).abs().max() <= 2e-5 * expected.abs().max()


def test_threads_change_no_more_than_rounding() -> None:
    torch.manual_seed(2)
    block, readout = random_block(600, 64)
    h, y = torch.randn(100, 64), torch.randn(100, 64) * 3
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(pas(block, readout, y, tuned, base))
    finally:
        torch.set_num_threads(before)
    assert (found[0] - found[1]).abs().max() < 1e-6 * found[0].abs().max()


def test_real_model_against_double_ablation() -> None:
    """One layer of SmolLM2 with the demo's adapter: weights change, the MLP's module and the final norm run."""
    from hedonic_graph.demo import ADAPTER, text
    from hedonic_graph.models.load import load_model
    from hedonic_graph.models.locate import locate_adapter, locate_model

    prompts = [pair.prompt for pair in text.pairs(24, split="held-out", seed=11)]
    model = load_model(locate_model("smollm2"), locate_adapter(str(ADAPTER)), (10,), torch.device("cpu"), "base")
    seen: list[Tensor] = []

    def see(module: Any, args: Any) -> None:
        if type(module).__name__ == "LlamaMLP" and args[0].ndim == 3 and not args[0].is_meta:
            seen.append(args[0][:, -1].double())

    hook = register_module_forward_pre_hook(see)
    kept = captured(model, prompts, (10,), batch_size=24, side="left")[10]
    hook.remove()
    (batch,) = batches(model, prompts, batch_size=24, max_tokens=64)
    h = seen[10][batch.examples.argsort()]
    phi = pas(model.block(10), model.readout, kept.y, kept.tuned, kept.base)

    mlp, before = model.layer(10).mlp.double(), model.base_part("model.layers.10.mlp").double()
    norm, head = model.part("model.norm").double(), model.part("score").double()
    now = copy.deepcopy(mlp)
    rest = kept.y.double() - mlp(h)

    @torch.no_grad()
    def logit(*neurons: int) -> Tensor:
        index = list(neurons)
        for name in ("gate_proj", "up_proj", "down_proj"):
            places = (slice(None), index) if name == "down_proj" else (index,)
            getattr(mlp, name).weight[places] = getattr(before, name).weight[places]
        with StayDouble():
            found = head(norm(rest + mlp(h)))[:, 0].mean()
        mlp.load_state_dict(now.state_dict())
        return found

    rows, columns = torch.triu_indices(len(phi), len(phi), 1)
    strongest = phi[rows, columns].abs().topk(50).indices
    pairs = [(int(rows[place]), int(columns[place])) for place in strongest]
    none = logit()
    exact = np.array([float(none - logit(i) - logit(j) + logit(i, j)) for i, j in pairs])
    ours = np.array([float(phi[i, j]) for i, j in pairs])
    assert np.corrcoef(ours, exact)[0, 1] > 0.999
    assert np.abs(ours - exact).mean() < 0.05 * np.abs(exact).mean()


def test_a_device_without_memory_for_large_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    given = example()
    expected = pas(*given, block_size=4)
    tried = []

    def multiply(one: Tensor, other: Tensor, out: Tensor) -> Tensor:
        tried.append(one.shape[0])
        if len(tried) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.matmul(one, other, out=out)

    monkeypatch.setattr(torch, "mm", multiply)
    monkeypatch.setattr(blocks, "SMALLEST", 4)
    assert torch.equal(pas(*given, block_size=8), expected)
    # Of 13 neurons: the first eight at once, then four at a time.
    assert tried == [8, 4, 4, 4, 1]
