"""The model card against norms of the matrices themselves."""

from pathlib import Path

import pytest
import torch
from models.loading import load
from oracle import Ablation, Whole
from safetensors.torch import load_file, save_file
from tiny import save_adapter, save_kind, save_tuned

from hedonic_graph.models.card import card


def test_a_lora(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "llama")
    adapter = save_adapter(
        base,
        tmp_path / "lora",
        target_modules=r".*layers\.[12]\.(mlp\.(up|down)|self_attn\.q)_proj",
        rank_pattern={"up_proj": 5},
    )
    found = card(load(base, adapter), (1, 2))
    assert (found["block"], found["activation"], found["norm"]) == ("gated", "SiLUActivation", "RMSNorm")
    assert not found["norm_behind_mlp"]
    tuning = found["tuning"]
    assert (tuning["kind"], tuning["layers"]) == ("LoRA", [1, 2])
    assert tuning["steps"] == [
        {"rank": 3, "alpha": 5, "modules": ["mlp.down_proj", "self_attn.q_proj"]},
        {"rank": 5, "alpha": 5, "modules": ["mlp.up_proj"]},
    ]
    head = load_file(adapter / "adapter_model.safetensors")["base_model.model.score.weight"]
    assert tuning["outside"] == {
        "score.weight": {"norm": pytest.approx(float(head.norm())), "relative": None, "rank": None}
    }
    whole = Whole(base, adapter)
    tuned = Ablation(whole, 2, ["query what"]).model
    for layer in (1, 2):
        changes = tuning["changes"][str(layer)]
        assert {name: one["rank"] for name, one in changes.items()} == {
            "mlp.down_proj.weight": 3, "mlp.up_proj.weight": 5, "self_attn.q_proj.weight": 3
        }  # fmt: skip
        before, now = (dict(one.model.layers[layer].named_parameters()) for one in (whole.base, tuned))
        for name, one in changes.items():
            norm = float((now[name] - before[name]).detach().norm())
            assert one["norm"] == pytest.approx(norm, rel=1e-3)
            assert one["relative"] == pytest.approx(norm / float(before[name].detach().norm()), rel=1e-3)


def test_dora_and_biases_and_a_whole_model(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "gpt_neox")
    adapter = save_adapter(base, tmp_path / "dora", use_dora=True, bias="lora_only")
    tuning = card(load(base, adapter), (1,))["tuning"]
    assert tuning["kind"] == "DoRA"
    projections = ("mlp.dense_4h_to_h", "mlp.dense_h_to_4h")
    assert set(tuning["changes"]["1"]) == {f"{one}.{part}" for one in projections for part in ("weight", "bias")}
    assert all(one["rank"] is None for one in tuning["changes"]["1"].values())
    tuned = save_tuned(base, tmp_path / "tuned")
    tuning = card(load(base, tuned=tuned), (1,))["tuning"]
    assert tuning["kind"] == "full"
    names = {name for name, _ in Whole(base).base.gpt_neox.layers[1].named_parameters()}
    assert set(tuning["changes"]["1"]) == names
    assert card(load(tuned, None, reference="zero"), (1,))["tuning"] is None


def test_a_new_bias_has_no_relative_size(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "llama")
    adapter = save_adapter(base, tmp_path / "lora", lora_bias=True)
    change = card(load(base, adapter), (1,))["tuning"]["changes"]["1"]["mlp.up_proj.bias"]
    assert change["norm"] > 0
    assert change["relative"] is None
    assert change["rank"] is None
    assert torch.isfinite(torch.tensor(change["norm"]))


def test_everything_that_an_adapter_changes_and_the_analysis_reads(tmp_path: Path) -> None:
    """Layers below the analysed ones, what stands beside the layers; of those above only which they are."""
    base = save_kind(tmp_path / "base", "llama")
    adapter = save_adapter(base, tmp_path / "lora", modules_to_save=["score", "embed_tokens", "norm"])
    tensors = load_file(adapter / "adapter_model.safetensors")
    weights = load_file(base / "model.safetensors")
    model = load(base, adapter, (1, 2))
    tuning = card(model, (1, 2))["tuning"]
    assert list(tuning["changes"]) == ["0", "1", "2"]
    assert tuning["layers"] == [0, 1, 2, 3]
    # PEFT saves every module whose name ends so.
    norms = {"input_layernorm.weight", "post_attention_layernorm.weight"}
    assert set(tuning["changes"]["0"]) == {f"mlp.{name}_proj.weight" for name in ("up", "gate", "down")} | norms
    saved = [name.removesuffix(".weight") for name in sorted(norms)]
    assert tuning["steps"][-1] == {"rank": None, "alpha": None, "modules": saved}
    assert set(tuning["outside"]) == {"model.embed_tokens.weight", "model.norm.weight", "score.weight"}
    for name in ("model.embed_tokens.weight", "model.norm.weight"):
        change = tensors[f"base_model.model.{name}"] - weights[name]
        relative = float(change.norm() / weights[name].norm())
        assert tuning["outside"][name]["relative"] == pytest.approx(relative, rel=1e-5)
    step = tensors["base_model.model.model.layers.0.mlp.up_proj.lora_B.weight"] @ (
        tensors["base_model.model.model.layers.0.mlp.up_proj.lora_A.weight"] * 5 / 3
    )
    assert tuning["changes"]["0"]["mlp.up_proj.weight"]["norm"] == pytest.approx(float(step.norm()), rel=1e-4)


def test_a_saved_head_that_the_base_has_too(tmp_path: Path) -> None:
    base = save_tuned(save_kind(tmp_path / "plain", "llama"), tmp_path / "base")
    adapter = save_adapter(base, tmp_path / "lora")
    before = load_file(base / "model.safetensors")["score.weight"]
    now = load_file(adapter / "adapter_model.safetensors")["base_model.model.score.weight"]
    change = card(load(base, adapter), (1,))["tuning"]["outside"]["score.weight"]
    assert change["relative"] == pytest.approx(float((now - before).norm() / before.norm()), rel=1e-5)
    # One for another task is none.
    state = load_file(base / "model.safetensors") | {"score.weight": torch.ones(3, 24)}
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    assert card(load(base, adapter), (1,))["tuning"]["outside"]["score.weight"]["relative"] is None


def test_what_stands_beside_the_layers_of_a_whole_model(tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", "gpt2")
    tuned = save_tuned(base, tmp_path / "tuned")
    outside = card(load(base, tuned=tuned), (1,))["tuning"]["outside"]
    beside = {f"transformer.{name}" for name in ("wpe.weight", "ln_f.weight", "ln_f.bias")}
    assert set(outside) == {"score.weight", *beside}
    assert outside["score.weight"]["relative"] is None
    one, two = (load_file(folder / "model.safetensors")["transformer.wpe.weight"] for folder in (base, tuned))
    expected = float((two - one).norm() / one.norm())
    assert outside["transformer.wpe.weight"]["relative"] == pytest.approx(expected, rel=1e-5)
