"""Whatever a recent PEFT can put on an MLP, and whole tuned models, against PEFT's own forward pass in float64."""

from pathlib import Path
from typing import Any

import pytest
import torch
from models.loading import captured, error, identity_error, load, sentences
from oracle import Whole
from tiny import D_FF, D_MODEL, save_adapter, save_kind, save_tuned

from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.norm import Norm

PROMPTS = sentences(6)
LAYERS = (1, 2)

TUNINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "rank-stabilised": ("llama", {"use_rslora": True}),
    "ranks and scales of their own": ("llama", {"rank_pattern": {"up_proj": 5}, "alpha_pattern": {"down_proj": 11}}),
    "down only": ("llama", {"target_modules": ["down_proj"]}),
    "gate only": ("llama", {"target_modules": ["gate_proj"]}),
    "everything": ("llama", {"target_modules": "all-linear", "exclude_modules": ["score"]}),
    "layers by a pattern": ("llama", {"target_modules": r".*layers\.[12]\.mlp\.(up|down)_proj"}),
    "layers by number": ("llama", {"layers_to_transform": [1, 2], "layers_pattern": "layers"}),
    "adapted biases": ("llama with biases", {"bias": "lora_only"}),
    "all biases": ("gpt_neox", {"bias": "all"}),
    "biases of the LoRA": ("llama with biases", {"lora_bias": True}),
    "biases of the LoRA on none": ("llama", {"lora_bias": True}),
    "saved norms": ("llama", {"modules_to_save": ["score", "post_attention_layernorm", "norm"]}),
    "saved embedding": ("llama", {"modules_to_save": ["score", "embed_tokens"]}),
    "embedding": ("llama", {"target_modules": ["embed_tokens", "up_proj"]}),
    "rank-stabilised on a fused pair": ("phi3", {"target_modules": ["gate_up_proj"], "use_rslora": True}),
    "dropout": ("llama", {"lora_dropout": 0.5}),
    "DoRA": ("llama", {"use_dora": True}),
    "DoRA on a fused pair": ("phi3", {"use_dora": True}),
    "DoRA on transposed weights": ("gpt2", {"use_dora": True, "bias": "lora_only"}),
}


@pytest.fixture(scope="module", params=[*TUNINGS, "a whole model", "a whole model with biases"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedModel, Whole]:
    folder = tmp_path_factory.mktemp("tuning")
    if request.param not in TUNINGS:
        base = save_kind(folder / "base", "gpt_neox" if "biases" in request.param else "llama")
        tuned = save_tuned(base, folder / "tuned")
        return load(base, layers=LAYERS, tuned=tuned), Whole(base, tuned=tuned)
    kind, options = TUNINGS[request.param]
    base = save_kind(folder / "base", kind)
    adapter = save_adapter(base, folder / "lora", **options)
    return load(base, adapter, LAYERS), Whole(base, adapter)


def test_deltas_and_the_tuned_output_bias_are_the_difference_of_the_mlps(pair: tuple[LoadedModel, Whole]) -> None:
    for layer in LAYERS:
        assert identity_error(*pair, layer) < 3e-4


def test_capture_is_what_passes_the_whole_model(pair: tuple[LoadedModel, Whole]) -> None:
    model, whole = pair
    for layer, kept in captured(model, PROMPTS, LAYERS).items():
        seen = whole.seen(layer, PROMPTS)
        assert error(kept.y, seen["y"]) < 1e-5
        assert error(kept.tuned, seen["a"]) < 1e-5


def test_the_step_of_the_down_projection_is_tuned_minus_base(pair: tuple[LoadedModel, Whole]) -> None:
    block = pair[0].block(2)
    change = block.tuned.down - block.base.down
    if block.down_step is None:
        assert not change.any()
        return
    step = block.down_step
    torch.testing.assert_close(step.left if step.right is None else step.left @ step.right, change, rtol=0, atol=1e-6)
    x = torch.randn(3, D_MODEL)
    torch.testing.assert_close(step.read_by(x), x @ change, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("eps", [1e-3, 0.0])
def test_layer_norm_is_torchs(eps: float) -> None:
    module = torch.nn.LayerNorm(D_MODEL, eps=eps)
    torch.nn.init.normal_(module.weight)
    torch.nn.init.normal_(module.bias)
    x = torch.randn(5, D_MODEL) + 3
    with torch.no_grad():
        torch.testing.assert_close(Norm.of(module, "layer")(x), module(x))


def test_only_a_plain_lora_has_a_step_of_low_rank(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "llama")
    ranks = {}
    for name, options in {"lora": {}, "dora": {"use_dora": True}, "up": {"target_modules": ["up_proj"]}}.items():
        step = load(base, save_adapter(base, tmp_path / name, **options)).block(1).down_step
        ranks[name] = None if step is None else step.left.shape[1]
    assert ranks == {"lora": 3, "dora": D_FF, "up": None}


def test_references_without_a_base(tmp_path: Path) -> None:
    """``zero`` and ``mean`` of a model that nothing tuned: D0 = D1."""
    tuned = save_tuned(save_kind(tmp_path / "base", "llama"), tmp_path / "tuned")
    zero = captured(load(tuned, None, (1,), "zero"), PROMPTS, (1,))[1]
    assert not zero.base.any()
    mean = captured(load(tuned, None, (1,), "mean"), PROMPTS, (1,))[1]
    torch.testing.assert_close(mean.base, mean.tuned.mean(0).expand_as(mean.base))
    block = load(tuned, None, (1,), "mean").block(1)
    assert block.base is block.tuned
    assert block.down_step is None


def test_dropout_is_at_rest(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "llama")
    model = load(base, save_adapter(base, tmp_path / "lora", lora_dropout=0.5))
    assert not any(module.training for module in model.model.modules())
    assert torch.equal(captured(model, PROMPTS, (2,))[2].tuned, captured(model, PROMPTS, (2,))[2].tuned)
