"""Ablation in the full model from cached states, against whole models of plain peft and transformers in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models.loading import ablated_scores, error, load, sentences
from oracle import Ablation, StayDouble, Whole
from safetensors.torch import load_file, save_file
from tiny import (
    D_FF,
    KINDS,
    LAYERS,
    TARGETS,
    make_tokenizer,
    only_generates,
    save_adapter,
    save_base,
    save_kind,
    save_tuned,
)

from hedonic_graph.errors import UserError
from hedonic_graph.models.capture import batches
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.restart import Restart
from hedonic_graph.models.walk import Batch

PROMPTS = sentences(4)
READ = "token: yes - no"
EVERYBODY = np.arange(D_FF)
GROUPS = [np.array([3, 17, 30]), EVERYBODY, np.array([7]), np.empty(0)]


def batched(model: LoadedModel, *, size: int = 3, side: str = "right") -> list[Batch]:
    model.tokenizer.padding_side = side
    return batches(model, PROMPTS, batch_size=size, max_tokens=64)


def truth(whole: Whole, layer: int, *, causal: bool = False, **options: Any) -> list[torch.Tensor]:
    """Scores of the full model with the weights of each group changed, one prompt at a time, without padding."""
    tokens = tuple(make_tokenizer().convert_tokens_to_ids(["yes", "no"])) if causal else None
    models = [Ablation(whole, layer, [prompt], tokens, cut=False, **options) for prompt in PROMPTS]
    return [torch.cat([model.logit(*(int(one) for one in group)) for model in models]) for group in GROUPS]


def check(model: LoadedModel, whole: Whole, layer: int, **options: Any) -> None:
    found, ablated = ablated_scores(model, batched(model), layer, GROUPS)
    *expected, plain = truth(whole, layer, **options)
    assert error(found, plain) < 1e-5
    for scores, one in zip(ablated, expected, strict=False):
        # Relative to what the ablation changes.
        assert error(scores - found, one - plain) < 2e-3
    # As many groups at once: a product may add up in another order.
    np.testing.assert_allclose(ablated[-1], found, rtol=2e-6, atol=2e-6)


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedModel, Whole]:
    base = save_kind(tmp_path_factory.mktemp("kind") / "base", request.param)
    causal = only_generates(request.param)
    adapter = save_adapter(base, base.parent / "lora", causal=causal)
    return load(base, adapter, readout=READ if causal else "score"), Whole(base, adapter, causal=causal)


def test_it_is_the_full_model_with_other_weights(pair: tuple[LoadedModel, Whole]) -> None:
    check(*pair, 1, causal=pair[0].tokens is not None)


@pytest.mark.parametrize("kind", ["llama", "gemma3", "gpt_neox"])
def test_without_all_neurons_the_layers_adapter_is_gone(kind: str, tmp_path: Path) -> None:
    """By PEFT's own forward pass with that layer's step at zero."""
    base = save_kind(tmp_path / "base", kind)
    adapter = save_adapter(base, tmp_path / "lora")
    model, whole = load(base, adapter), Whole(base, adapter)
    steps = [
        parameter
        for name, parameter in whole.tuned.named_parameters()
        if f".{whole.row.layers}.2." in name and "lora_B" in name
    ]
    assert len(steps) == len(TARGETS.get(model.model.config.model_type, ["gate", "up", "down"]))
    for step in steps:
        step.data.zero_()
    with torch.no_grad(), StayDouble():
        expected = [whole.tuned(**make_tokenizer()(one, return_tensors="pt")).logits[0, 0] for one in PROMPTS]
    (ablated,) = ablated_scores(model, batched(model), 2, [EVERYBODY])[1]
    assert error(ablated, torch.stack(expected)) < 1e-5


def test_an_empty_group_changes_no_bit(tiny_base: Path, tiny_adapter: Path) -> None:
    model = load(tiny_base, tiny_adapter)
    restart = Restart(model, batched(model), 1)
    assert np.array_equal(restart.scores([np.empty(0)])[0], restart.whole)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("llama with biases", {"bias": "lora_only"}),
        ("gpt2", {"use_dora": True, "bias": "lora_only"}),
        ("llama", {"target_modules": ["gate_proj"]}),
        ("llama", {"target_modules": "all-linear", "exclude_modules": ["score"]}),
    ],
)
def test_tunings(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    """A tuned output bias stays; layers above are tuned too, in their attention as well."""
    base = save_kind(tmp_path / "base", kind)
    adapter = save_adapter(base, tmp_path / "lora", scale=0.1, **options)
    check(load(base, adapter), Whole(base, adapter), 1)


@pytest.mark.parametrize("layer", [0, LAYERS - 1])
@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_first_and_last_layer_of_a_whole_tuned_model(kind: str, layer: int, tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", kind)
    tuned = save_tuned(base, tmp_path / "tuned")
    check(load(base, layers=(layer,), tuned=tuned), Whole(base, tuned=tuned), layer)


def test_capped_logits_of_two_tokens(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "gemma2", final_logit_softcapping=2.0)
    adapter = save_adapter(base, tmp_path / "lora", causal=True)
    check(load(base, adapter, readout=READ), Whole(base, adapter, causal=True), 1, causal=True)


def test_back_to_zero(tmp_path: Path) -> None:
    tuned = save_tuned(save_kind(tmp_path / "base", "llama"), tmp_path / "tuned")
    model, whole = load(tuned, None, (1,), "zero"), Whole(tuned)
    check(model, whole, 1, instead=torch.zeros(D_FF, dtype=torch.float64))
    with pytest.raises(UserError, match="not to a mean"):
        Restart(load(tuned, None, (1,), "mean"), batched(model), 1)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "falcon with one norm"])
def test_padding_batches_and_memory_do_not_matter(kind: str, tmp_path: Path) -> None:
    """Positions may turn queries and keys, be added to the embedding, or weigh attention."""
    base = save_kind(tmp_path / "base", kind)
    model = load(base, save_adapter(base, tmp_path / "lora"))
    groups = [np.array([one, one + 9, 3 * one]) for one in range(1, 4)]
    plain, ablated = ablated_scores(model, batched(model), 1, groups)
    for size, side, memory, block_size in ((1, "right", 0, 1), (3, "left", 1 << 16, 70), (4, "left", 1 << 20, 1000)):
        restart = Restart(model, batched(model, size=size, side=side), 1)
        np.testing.assert_allclose(restart.whole, plain, rtol=1e-5, atol=1e-5)
        found = restart.scores(groups, memory=memory, block_size=block_size)
        np.testing.assert_allclose(found, ablated, rtol=1e-5, atol=1e-5)


def test_memory_says_how_many_groups_go_up_together(
    tiny_base: Path, tiny_adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(tiny_base, tiny_adapter)
    restart = Restart(model, batched(model), 1)
    read: list[int] = []
    layer = LoadedModel.layer
    monkeypatch.setattr(LoadedModel, "layer", lambda self, number: read.append(number) or layer(self, number))
    stream = sum(len(model.tokenizer(one)["input_ids"]) for one in PROMPTS) * model.d_model * 4
    restart.scores([np.array([one]) for one in range(7)], memory=3 * stream + 1)
    assert read == [1, 2, 3] * 3


def test_the_bar_takes_as_many_steps_as_it_was_told(tiny_base: Path, tiny_adapter: Path) -> None:
    class Bar:
        def __init__(self, steps: int) -> None:
            self.left = steps
            bars.append(self)

        def update(self, steps: float = 1) -> None:
            self.left -= int(steps)

        def set_postfix_str(self, remark: str) -> None:
            pass

        def close(self) -> None:
            self.left -= 1000

    bars: list[Bar] = []
    model = load(tiny_base, tiny_adapter)
    Restart(model, batched(model), 1, begin=Bar).scores([np.array([2]), np.array([3])], memory=0, begin=Bar)
    assert [one.left for one in bars] == [-1000, -1000]


def test_mistakes(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    model = load(tiny_base, tiny_adapter)
    restart = Restart(model, batched(model), 1)
    for groups, says in [
        ([], "no groups of neurons to ablate"),
        ([np.array([1]), np.array([2, 40])], "group 1 names neuron 40: the layer's neurons are 0-39"),
        ([np.array([-1])], "group 0 names neuron -1"),
        ([np.array([4, 2, 4])], "group 0 names neuron 4 twice"),
        ([np.array([0.5])], "group 0 is no list of neuron numbers"),
        ([np.array([[1, 2]])], "group 0 is no list of neuron numbers"),
    ]:
        with pytest.raises(UserError, match=says):
            restart.scores(groups)
    with pytest.raises(UserError, match="has no layer 4: its layers are 0-3"):
        Restart(model, batched(model), 4)
    some = save_adapter(tiny_base, tmp_path / "some", layers_to_transform=[1, 2], layers_pattern="layers")
    with pytest.raises(UserError, match="some changes nothing in the MLP of layer 3"):
        Restart(load(tiny_base, some), batched(model), 3)


def test_weights_above_that_are_missing_or_too_large(tmp_path: Path) -> None:
    base = save_base(tmp_path / "base")
    adapter = save_adapter(base, tmp_path / "lora")
    state = load_file(base / "model.safetensors")
    name = "model.layers.3.mlp.down_proj.weight"
    save_file(state | {name: state[name] * 1e38}, base / "model.safetensors", metadata={"format": "pt"})
    model = load(base, adapter)
    with pytest.raises(UserError, match="layer 3 gives values that are not finite"):
        Restart(model, batched(model), 1)
    save_file({key: one for key, one in state.items() if key != name}, base / "model.safetensors")
    with pytest.raises(UserError, match=f"lacks {name}"):
        Restart(load(base, adapter), batched(model), 1)
