"""PAS against the autograd Hessian and against brute-force double ablation."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import D_FF, save_adapter
from torch import Tensor
from valuation.brute import Ablation

from hedonic_graph.errors import UserError
from hedonic_graph.models.capture import batches, capture, new_state
from hedonic_graph.models.load import LoadedModel, load_model
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.models.mlp import LowRank, MLPBlock, Projections
from hedonic_graph.models.norm import Norm
from hedonic_graph.models.readout import Readout
from hedonic_graph.text.pairs import load_pairs
from hedonic_graph.valuation.exact import check_second_order, synergy
from hedonic_graph.valuation.pas import pas

LAYER = 2


def autograd_form(readout: Callable[[Tensor], Tensor], y: Tensor, deltas: Tensor) -> Tensor:
    """E_x[delta_i^T H(x) delta_j] with H from autograd, float64 [n, n]."""
    total = torch.zeros(deltas.shape[1], deltas.shape[1], dtype=torch.float64)
    for example, steps in zip(y.double(), deltas.double(), strict=True):
        hessian = torch.autograd.functional.hessian(readout, example)
        total += steps @ hessian @ steps.T
    return (total / len(y)).fill_diagonal_(0)


def random_block(n: int, d: int, rank: int | None, *, gated: bool, norm: str) -> tuple[MLPBlock, Readout]:
    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape)

    step = None if rank is None else LowRank(0.2 * draw(d, rank), draw(rank, n))
    base = Projections(draw(n, d), draw(d, n), draw(n, d) if gated else None, draw(n), draw(n) if gated else None)
    down = base.down if step is None else base.down + step.left @ step.right
    gate = None if base.gate is None else base.gate + 0.1 * draw(n, d)
    tuned = Projections(base.up + 0.1 * draw(n, d), down, gate, base.up_bias, base.gate_bias)
    head_norm = Norm(norm, 1 + 0.3 * draw(d), draw(d) if norm == "layer" else None, 1e-5)
    block = MLPBlock(0, tuned, base, step, torch.nn.functional.gelu, head_norm)
    return block, Readout(draw(d), 0.7, head_norm)


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("rank", [3, None])
def test_closed_form_is_the_autograd_hessian(norm: str, gated: bool, rank: int | None) -> None:
    torch.manual_seed(7)
    block, readout = random_block(17, 12, rank, gated=gated, norm=norm)
    h, y = torch.randn(9, 12), torch.randn(9, 12) * 3 + 1
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    deltas = block.deltas(tuned, base, torch.arange(17))
    expected = autograd_form(readout, y, deltas)
    for size in (2048, 5):
        phi = pas(block, readout, y, tuned, base, block_size=size)
        assert torch.equal(phi, phi.T)
        assert not phi.diagonal().any()
        assert (phi - expected).abs().max() < 1e-5 * expected.abs().max()


def test_zero_reference_takes_the_whole_neuron_off() -> None:
    torch.manual_seed(3)
    block, readout = random_block(11, 8, 2, gated=True, norm="rms")
    h, y = torch.randn(6, 8), torch.randn(6, 8)
    tuned = block.activations(h, block.tuned)
    deltas = tuned[:, :, None] * block.tuned.down.T
    phi = pas(block, readout, y, tuned, torch.zeros_like(tuned), same_down=True)
    expected = autograd_form(readout, y, deltas)
    assert (phi - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.fixture(scope="module")
def model(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """With small deltas, so that little of third order stands between the closed form and the exact ablation."""
    adapter = save_adapter(tiny_base, tmp_path_factory.mktemp("adapter") / "small", scale=0.004)
    files = locate_model(str(tiny_base)), locate_adapter(str(adapter))
    return load_model(*files, (LAYER,), torch.device("cpu"), "base")


def seen_by(model: LoadedModel, layer: int, prompts: list[str]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Captured y, tuned, base and, by a hook of its own, the MLP's input h at the scored position."""
    batched = batches(model, prompts, batch_size=8, max_tokens=96)
    state = new_state(model, (layer,), len(prompts), all_tokens=False)
    inputs: dict[int, Tensor] = {}
    number = iter(range(len(batched)))

    def keep(_: object, args: tuple[Tensor, ...]) -> None:
        batch = batched[next(number)]
        for row, example in enumerate(batch.examples.tolist()):
            inputs[example] = args[0][row, int(batch.mask[row].nonzero().max())]

    hook = model.layer(layer).mlp.register_forward_pre_hook(keep)
    capture(model, batched, state)
    hook.remove()
    kept = state.layers[layer]
    return kept.y, kept.tuned, kept.base, torch.stack([inputs[example] for example in range(len(prompts))])


def test_tiny_llama_against_autograd_and_double_ablation(model: LoadedModel, tiny_text: Path) -> None:
    prompts = [pair.prompt for pair in load_pairs(tiny_text)]
    model.tokenizer.padding_side = "right"
    y, tuned, base, h = seen_by(model, LAYER, prompts)
    block = model.block(LAYER)
    phi = pas(block, model.readout, y, tuned, base)

    deltas = block.deltas(tuned, base, torch.arange(D_FF))
    assert deltas.norm(dim=-1).mean() > 1e-5
    expected = autograd_form(model.readout, y, deltas)
    assert (phi - expected).abs().max() < 1e-4 * expected.abs().max()

    ablation = Ablation(model, LAYER, h, y)
    rows, columns = np.triu_indices(D_FF, 1)
    exact = np.array([ablation.synergy(i, j) for i, j in zip(rows, columns, strict=True)])
    ours = phi.numpy()[rows, columns]
    # The package's own exact ablation takes deltas off y; the oracle changes weights and runs the modules.
    places = torch.tensor(np.stack([rows, columns], 1))
    own = synergy(block, model.readout, y, tuned, base, places)
    np.testing.assert_allclose(own, exact, atol=1e-3 * np.abs(exact).max())
    check = check_second_order(phi, block, model.readout, y, tuned, base)
    assert check.pairs == 50
    assert check.correlation is not None
    assert check.correlation > 0.999
    strongest = np.argsort(-np.abs(ours))[:50]
    expected = np.abs(ours - exact)[strongest].mean() / np.abs(exact)[strongest].mean()
    assert check.error == pytest.approx(expected, rel=0.05, abs=1e-3)
    # What is left is of third order in the deltas.
    assert np.abs(ours - exact).max() < 0.05 * np.abs(exact).max()
    assert np.corrcoef(ours, exact)[0, 1] > 0.999


def test_without_the_norm_every_pair_is_exactly_zero_and_pas_says_so(model: LoadedModel, tiny_text: Path) -> None:
    prompts = [pair.prompt for pair in load_pairs(tiny_text)][:4]
    y, tuned, base, h = seen_by(model, LAYER, prompts)
    ablation = Ablation(model, LAYER, h, y)
    ablation.norm = lambda y: y
    assert abs(ablation.synergy(3, 8)) < 1e-12
    with pytest.raises(UserError, match="every pairwise interaction is exactly zero"):
        pas(model.block(LAYER), Readout(model.readout.weight, 0.0, None), y, tuned, base)


def test_permuting_neurons_permutes_phi_and_permuting_examples_does_nothing() -> None:
    torch.manual_seed(5)
    block, readout = random_block(23, 10, 3, gated=True, norm="rms")
    h, y = torch.randn(12, 10), torch.randn(12, 10)
    tuned, base = block.activations(h, block.tuned), block.activations(h, block.base)
    phi = pas(block, readout, y, tuned, base)
    order, examples = torch.randperm(23), torch.randperm(12)
    assert block.down_step is not None
    moved = MLPBlock(
        0,
        Projections(block.tuned.up, block.tuned.down[:, order]),
        Projections(block.base.up, block.base.down[:, order]),
        LowRank(block.down_step.left, block.down_step.right[:, order]),
        block.activation,
        block.pre_norm,
    )
    again = pas(moved, readout, y[examples], tuned[examples][:, order], base[examples][:, order])
    torch.testing.assert_close(again, phi[order][:, order], rtol=1e-4, atol=1e-5 * float(phi.abs().max()))


def test_real_model_against_double_ablation(smollm2: LoadedModel) -> None:
    """One layer of SmolLM2 with the demo's adapter: the 50 strongest pairs, exact ablation in float64."""
    from hedonic_graph.demo import text

    prompts = [pair.prompt for pair in text.pairs(24, split="held-out", seed=11)]
    y, tuned, base, h = seen_by(smollm2, 10, prompts)
    phi = pas(smollm2.block(10), smollm2.readout, y, tuned, base)
    rows, columns = torch.triu_indices(len(phi), len(phi), 1)
    strongest = phi[rows, columns].abs().topk(50).indices
    ablation = Ablation(smollm2, 10, h, y)
    pairs = [(int(rows[place]), int(columns[place])) for place in strongest]
    exact = np.array([ablation.synergy(i, j) for i, j in pairs])
    ours = np.array([float(phi[i, j]) for i, j in pairs])
    assert np.corrcoef(ours, exact)[0, 1] > 0.999
    assert np.abs(ours - exact).mean() < 0.05 * np.abs(exact).mean()


@pytest.fixture(scope="module")
def smollm2() -> LoadedModel:
    from hedonic_graph.demo import ADAPTER

    return load_model(locate_model("smollm2"), locate_adapter(str(ADAPTER)), (10,), torch.device("cpu"), "base")
