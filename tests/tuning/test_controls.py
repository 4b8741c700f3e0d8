"""An untrained adapter with a trained one's norms."""

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny import save_adapter
from transformers import AutoModelForSequenceClassification

from hedonic_graph.errors import UserError
from hedonic_graph.models.locate import locate_adapter
from hedonic_graph.tuning.controls import untrained_like

PREFIX = "base_model.model."


def products(folder: Path) -> dict[str, torch.Tensor]:
    """BA of every matrix, formed."""
    state = {
        name.removeprefix(PREFIX): one.double() for name, one in load_file(folder / "adapter_model.safetensors").items()
    }
    names = [name.removesuffix(".lora_A.weight") for name in state if name.endswith("lora_A.weight")]
    return {name: state[f"{name}.lora_B.weight"] @ state[f"{name}.lora_A.weight"] for name in names}


def test_norms_are_equal_and_directions_are_not(tiny_adapter: Path, tmp_path: Path) -> None:
    norms = untrained_like(locate_adapter(str(tiny_adapter)), tmp_path / "random")
    trained, random = products(tiny_adapter), products(tmp_path / "random")
    assert len(norms) == 12
    assert norms.keys() == trained.keys() == random.keys()
    for name, one in trained.items():
        assert float(random[name].norm()) == pytest.approx(float(one.norm()), rel=1e-5)
        assert norms[name] == pytest.approx(float(one.norm()), rel=1e-6)
        cosine = float((random[name] * one).sum() / (random[name].norm() * one.norm()))
        assert abs(cosine) < 0.2
        assert torch.linalg.matrix_rank(random[name]) == torch.linalg.matrix_rank(one) == 3


def test_it_loads_in_plain_peft_with_the_head_of_the_trained_one(
    tiny_base: Path, tiny_adapter: Path, tmp_path: Path
) -> None:
    untrained_like(locate_adapter(str(tiny_adapter)), tmp_path / "random", seed=3)
    heads = []
    for folder in (tiny_adapter, tmp_path / "random"):
        base = AutoModelForSequenceClassification.from_pretrained(tiny_base, num_labels=1)
        model = PeftModel.from_pretrained(base, str(folder))
        heads.append(dict(model.named_parameters())["base_model.model.score.modules_to_save.default.weight"])
    assert torch.equal(*heads)
    about = json.loads((tmp_path / "random" / "control.json").read_text())
    assert (about["control"], about["seed"]) == ("untrained-like", 3)


def test_seeds(tiny_adapter: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        untrained_like(locate_adapter(str(tiny_adapter)), tmp_path / name, seed=seed)
    read = {name: (tmp_path / name / "adapter_model.safetensors").read_bytes() for name in ("one", "same", "other")}
    assert read["one"] == read["same"] != read["other"]


def test_what_has_no_such_norm_is_refused(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    dora = save_adapter(tiny_base, tmp_path / "dora", use_dora=True)
    with pytest.raises(UserError, match="is a DoRA: only a plain LoRA"):
        untrained_like(locate_adapter(str(dora)), tmp_path / "random")
    nothing = save_adapter(tiny_base, tmp_path / "nothing", scale=0)
    with pytest.raises(UserError, match="changes nothing"):
        untrained_like(locate_adapter(str(nothing)), tmp_path / "random")
    assert not (tmp_path / "random").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    with pytest.raises(UserError, match="holds something already"):
        untrained_like(locate_adapter(str(tiny_adapter)), tmp_path / "mine")
