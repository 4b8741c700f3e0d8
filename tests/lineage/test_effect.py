"""The measured mass: whole models of plain transformers, in float64, with hooks on their own modules."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models.loading import captured, error, load, sentences
from oracle import Ablation, StayDouble, Whole
from tiny import D_FF, save_adapter, save_kind, save_tuned
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.lineage.effect import effect_flow
from hedonic_graph.models.capture import LayerCapture
from hedonic_graph.models.mlp import MLPBlock

PROMPTS = sentences(8, words=7)
SOURCE, TARGET = 1, 2
LABELS = np.random.default_rng(0).integers(-1, 6, D_FF)
READERS = {
    "llama": "post_attention_layernorm",
    "gemma2": "pre_feedforward_layernorm",
    "gpt_neox": "post_attention_layernorm",
    "gpt_neox in sequence": "post_attention_layernorm",
    "gpt2": "ln_2",
    "falcon": "ln_mlp",
    "phi3": "post_attention_layernorm",
    "olmo2": "mlp",
}
"""What takes the stream in front of the MLP, and nothing else, by the names of transformers."""


def brute_force(whole: Whole, reader: str, labels: np.ndarray, source: int, target: int, **options: Any) -> Tensor:
    """Put the neurons back in one model; take off what that does to its stream before a norm of another."""
    ablation = Ablation(whole, source, PROMPTS, **options)
    layer = whole.layer(whole.tuned, target)
    untouched = ablation.leaving([])

    def activations(change: Tensor) -> Tensor:
        taken: list[Tensor] = []

        def leave(_: Any, args: Any) -> tuple[Tensor]:
            stream = args[0].clone()
            stream[:, -1] -= change
            return (stream,)

        down = whole.mlp(whole.tuned, target).get_submodule(whole.row.down)
        hooks = [
            layer.get_submodule(reader).register_forward_pre_hook(leave),
            down.register_forward_pre_hook(lambda _, args: taken.append(args[0][:, -1].clone())),
        ]
        with torch.no_grad(), StayDouble():
            whole.tuned(**ablation.given)
        for hook in hooks:
            hook.remove()
        return taken[0]

    before = activations(torch.zeros_like(untouched))
    flows = []
    for c in range(labels.max() + 1):
        change = untouched - ablation.leaving(np.flatnonzero(labels == c).tolist())
        flows.append((before - activations(change)).abs().mean(0))
    return torch.stack(flows)


Seen = tuple[MLPBlock, MLPBlock, LayerCapture, LayerCapture]


def ours(seen: Seen, labels: np.ndarray, **options: Any) -> Tensor:
    source, target, at_source, at_target = seen
    assert at_target.x is not None
    (flow,) = effect_flow(source, target, at_source.tuned, at_source.base, at_target.x, [labels], **options)
    return flow


def see(model: Any, source: int = SOURCE, target: int = TARGET) -> Seen:
    kept = captured(model, PROMPTS, (source, target))
    return model.block(source), model.block(target), kept[source], kept[target]


@pytest.mark.parametrize("kind", READERS)
def test_the_effect_is_what_the_whole_model_does(kind: str, tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", kind)
    adapter = save_adapter(base, tmp_path / "lora")
    flow = ours(see(load(base, adapter)), LABELS)
    assert flow.dtype == torch.float32
    assert error(flow, brute_force(Whole(base, adapter), READERS[kind], LABELS, SOURCE, TARGET)) < 1e-4


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_neox"])
def test_layers_apart(kind: str, tmp_path: Path) -> None:
    """What stands between is no part of the direct path."""
    base = save_kind(tmp_path / "base", kind)
    adapter = save_adapter(base, tmp_path / "lora")
    flow = ours(see(load(base, adapter, layers=(1, 3)), 1, 3), LABELS)
    assert error(flow, brute_force(Whole(base, adapter), READERS[kind], LABELS, 1, 3)) < 1e-4


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_a_whole_tuned_model(kind: str, tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", kind)
    tuned = save_tuned(base, tmp_path / "tuned")
    flow = ours(see(load(base, tuned=tuned)), LABELS)
    assert error(flow, brute_force(Whole(base, tuned=tuned), READERS[kind], LABELS, SOURCE, TARGET)) < 1e-4


@pytest.mark.parametrize("reference", ["zero", "mean"])
def test_a_model_that_nothing_tuned(reference: str, tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "llama")
    whole = Whole(base, causal=True)
    model = load(base, reference=reference, readout="token: yes - no")
    mean = whole.seen(SOURCE, PROMPTS)["a"].mean(0)
    instead = mean if reference == "mean" else torch.zeros_like(mean)
    expected = brute_force(whole, READERS["llama"], LABELS, SOURCE, TARGET, instead=instead)
    assert error(ours(see(model), LABELS), expected) < 1e-4


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    base = save_kind(tmp_path_factory.mktemp("effect") / "base", "gemma2")
    return see(load(base, save_adapter(base, base.parent / "lora")))


def test_the_smallest_changes_keep_their_digits(tmp_path: Path) -> None:
    """Deltas of a hundred thousandth of the stream, as those of single neurons of a real layer are."""
    base = save_kind(tmp_path / "base", "llama")
    adapter = save_adapter(base, tmp_path / "lora", scale=1e-5)
    single = np.where(np.arange(D_FF) < 6, np.arange(D_FF), -1)
    # The deltas themselves are differences of float32 here: theirs is the error, not that of their effect.
    model, whole = load(base, adapter), Whole(base, adapter)
    found = see(model)
    exact = whole.mlp(whole.base, SOURCE)
    below: list[Tensor] = []
    hook = exact.get_submodule(whole.row.down).register_forward_pre_hook(lambda _, args: below.append(args[0]))
    rows = whole.seen(SOURCE, PROMPTS)
    with torch.no_grad(), StayDouble():
        exact(rows["h"])
    hook.remove()
    change = (rows["a"] - below[0]).float()
    kept = replace(found[2], tuned=change + below[0].float(), base=below[0].float())
    expected = brute_force(whole, READERS["llama"], single, SOURCE, TARGET)
    assert float(expected.max()) < 1e-4
    assert error(ours((found[0], found[1], kept, found[3]), single), expected) < 2e-2


@pytest.mark.parametrize("block", [1, 3, 8, 100])
def test_neither_block_nor_company_matters(seen: Seen, block: int) -> None:
    whole = ours(seen, LABELS)
    assert error(ours(seen, LABELS, block_size=block), whole.double()) < 2e-5
    source, target, at_source, at_target = seen
    assert at_target.x is not None
    others = [np.arange(D_FF), LABELS, np.zeros(D_FF, int)]
    together = effect_flow(source, target, at_source.tuned, at_source.base, at_target.x, others, block_size=block)
    assert [len(one) for one in together] == [D_FF, 6, 1]
    assert error(together[1], whole.double()) < 2e-5


def test_order_of_neurons_and_examples_does_not_matter(seen: Seen) -> None:
    source, target, at_source, at_target = seen
    assert at_target.x is not None
    draw = torch.Generator().manual_seed(0)
    order, examples = torch.randperm(D_FF, generator=draw), torch.randperm(len(PROMPTS), generator=draw)

    def renamed(block: MLPBlock) -> MLPBlock:
        def weights(one: Any) -> Any:
            return replace(one, up=one.up[order], gate=one.gate[order], down=one.down[:, order])

        step = block.down_step
        assert step is not None and step.right is not None
        return replace(
            block, tuned=weights(block.tuned), base=weights(block.base),
            down_step=replace(step, right=step.right[:, order]),
        )  # fmt: skip

    (flow,) = effect_flow(
        renamed(source), renamed(target), at_source.tuned[examples][:, order], at_source.base[examples][:, order],
        at_target.x[examples], [LABELS[order.numpy()]],
    )  # fmt: skip
    assert error(flow, ours(seen, LABELS)[:, order].double()) < 2e-5


def test_a_coalition_that_nothing_tuned_has_no_effect_at_all(seen: Seen) -> None:
    source, target, at_source, at_target = seen
    same = replace(at_source, base=at_source.tuned)
    flow = ours((replace(source, down_step=None), target, same, at_target), LABELS)
    assert not flow.any()


def test_a_label_nobody_has_has_no_effect(seen: Seen) -> None:
    gap = np.where(LABELS == 2, -1, LABELS)
    flow, whole = ours(seen, gap), ours(seen, LABELS)
    assert not flow[2].any()
    kept = [0, 1, 3, 4, 5]
    torch.testing.assert_close(flow[kept], whole[kept])


Change = Callable[[Seen], Seen]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: (s[0], s[1], replace(s[2], tuned=s[2].tuned[:, 1:]), s[3]), r"activations must be \[examples, 40\]"),
        (lambda s: (s[0], s[1], replace(s[2], base=s[2].base[1:]), s[3]), r"the stream \[examples, 24\]"),
        (lambda s: (s[0], s[1], s[2], replace(s[3], x=s[3].x[:, 1:])), r"got \(8, 40\), \(8, 40\) and \(8, 23\)"),
        (lambda s: (s[0], replace(s[1], tuned=replace(s[1].tuned, up=s[1].tuned.down)), s[2], s[3]), "of width 24"),
        (lambda s: (s[0], s[1], s[2], replace(s[3], x=s[3].x / 0)), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(seen: Seen, change: Change, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ours(change(seen), LABELS)
    with pytest.raises(UserError, match="labels cover 39 neurons"):
        ours(seen, LABELS[1:])
