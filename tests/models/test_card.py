"""The model card against norms of the matrices themselves."""

from pathlib import Path

import pytest
import torch
from models.loading import load
from oracle import Ablation, Whole
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
    assert (tuning["kind"], tuning["rank"], tuning["alpha"], tuning["layers"]) == ("LoRA", 3, 5, [1, 2])
    assert tuning["modules"] == ["mlp.down_proj", "mlp.up_proj", "self_attn.q_proj"]
    assert tuning["outside"] == ["score"]
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
