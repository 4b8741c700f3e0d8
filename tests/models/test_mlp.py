"""The view of a block against the transformers modules it was read from."""

from pathlib import Path

import pytest
import torch
from tiny import D_FF, D_MODEL, save_adapter, save_base

from hedonic_graph.models.load import LoadedModel, load_model
from hedonic_graph.models.locate import locate_adapter, locate_model

CASES = {
    "llama": ("llama", {}),
    "llama with biases": ("llama", {"mlp_bias": True}),
    "mistral": ("mistral", {}),
    "qwen2": ("qwen2", {}),
}


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    kind, options = CASES[request.param]
    base = save_base(tmp_path_factory.mktemp("base") / kind, kind, **options)
    adapter = save_adapter(base, base.parent / "lora")
    return load_model(locate_model(str(base)), locate_adapter(str(adapter)), (0, 1, 2, 3), torch.device("cpu"), "base")


def test_deltas_add_up_to_the_difference_of_tuned_and_base_mlp(model: LoadedModel) -> None:
    torch.manual_seed(0)
    h = torch.randn(16, D_MODEL)
    for layer in range(4):
        block = model.block(layer)
        mlp = model.layer(layer).mlp
        projections = [mlp.gate_proj, mlp.up_proj, mlp.down_proj]
        with torch.no_grad():
            tuned = mlp(h)
            for module in projections:
                module.enable_adapters(False)
            base = mlp(h)
            for module in projections:
                module.enable_adapters(True)
        deltas = block.deltas(block.activations(h, block.tuned), block.activations(h, block.base), torch.arange(D_FF))
        expected = tuned - base
        assert expected.norm() > 1e-3
        assert (deltas.sum(1) - expected).norm() / expected.norm() < 1e-4


def test_the_step_of_the_down_projection_is_tuned_minus_base(model: LoadedModel) -> None:
    block = model.block(2)
    assert block.down_step is not None
    step = block.down_step.left @ block.down_step.right
    torch.testing.assert_close(step, block.tuned.down - block.base.down, rtol=1e-4, atol=1e-6)


def test_norm_is_the_modules_own(model: LoadedModel) -> None:
    x = torch.randn(5, D_MODEL)
    with torch.no_grad():
        torch.testing.assert_close(model.block(1).pre_norm(x), model.layer(1).post_attention_layernorm(x))
        torch.testing.assert_close(
            model.readout(x), model.classifier.score(model.backbone.norm(x))[:, 0], rtol=1e-5, atol=1e-5
        )


def test_layer_norm_is_torchs() -> None:
    from hedonic_graph.models.norm import Norm

    module = torch.nn.LayerNorm(D_MODEL, eps=1e-3)
    torch.nn.init.normal_(module.weight)
    torch.nn.init.normal_(module.bias)
    x = torch.randn(5, D_MODEL) + 3
    with torch.no_grad():
        torch.testing.assert_close(Norm.of(module, "layer")(x), module(x))


def test_rank_stabilised_scaling_is_read(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "rs", use_rslora=True)
    files = locate_model(str(tiny_base)), locate_adapter(str(adapter))
    loaded = load_model(*files, (1,), torch.device("cpu"), "base")
    mlp, block = loaded.layer(1).mlp, loaded.block(1)
    assert block.down_step is not None
    torch.testing.assert_close(
        block.down_step.left @ block.down_step.right, mlp.down_proj.get_delta_weight("default").detach()
    )
