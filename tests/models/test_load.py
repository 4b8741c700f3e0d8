"""What does not belong together is refused in one line."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import save_adapter, save_base

from hedonic_graph.errors import UserError
from hedonic_graph.models.load import LoadedModel, load_model
from hedonic_graph.models.locate import locate_adapter, locate_model


def load(base: Path, adapter: Path | None, layers: tuple[int, ...] = (1, 2), reference: str = "base") -> LoadedModel:
    found = locate_adapter(str(adapter)) if adapter else None
    return load_model(locate_model(str(base)), found, layers, torch.device("cpu"), reference)


def test_layers_above_the_last_analysed_one_are_gone(tiny_base: Path, tiny_adapter: Path) -> None:
    assert len(load(tiny_base, tiny_adapter).backbone.layers) == 3


def test_missing_model() -> None:
    with pytest.raises(UserError, match=r"no model at \./nowhere: no such folder"):
        locate_model("./nowhere")


def test_missing_gguf_and_folder_without_config(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no GGUF file"):
        locate_model(str(tmp_path / "model.gguf"))
    with pytest.raises(UserError, match=r"no config\.json"):
        locate_model(str(tmp_path))


def test_layer_outside(tiny_base: Path, tiny_adapter: Path) -> None:
    with pytest.raises(UserError, match=r"tiny has no layer 4: its layers are 0-3"):
        load(tiny_base, tiny_adapter, (3, 4))


def test_adapter_for_another_base(tmp_path: Path, tiny_base: Path) -> None:
    other = save_base(tmp_path / "other", d_ff=56)
    adapter = save_adapter(other, tmp_path / "lora")
    with pytest.raises(UserError, match=r"made for another base: .* is 24 x 40 here, the adapter has 56 inputs"):
        load(tiny_base, adapter)


def test_adapter_with_a_module_the_model_lacks(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = _copy(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    renamed = {name.replace("layers.3.", "layers.9."): tensor for name, tensor in state.items()}
    save_file(renamed, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"made for another base: this model has no .*layers\.9"):
        load(tiny_base, adapter)


def test_adapter_that_changes_nothing(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "zero", scale=0.0)
    with pytest.raises(UserError, match=r"changes nothing in the MLP of layer 1 .*exactly zero"):
        load(tiny_base, adapter)


def test_adapter_on_other_layers(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "one", layers_to_transform=[1])
    assert load(tiny_base, adapter, (1,)).has_adapter
    with pytest.raises(UserError, match="changes nothing in the MLP of layer 2"):
        load(tiny_base, adapter)


def test_no_head_anywhere(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "headless", task_type=None, modules_to_save=None)
    with pytest.raises(UserError, match="no task head: neither tiny nor the adapter has the weights of 'score'"):
        load(tiny_base, adapter)
    with pytest.raises(UserError, match="no task head: tiny does not have"):
        load(tiny_base, None, reference="zero")


def test_no_adapter_needs_another_reference(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    AutoModelForSequenceClassification.from_pretrained(tiny_base, num_labels=1).save_pretrained(tmp_path / "tuned")
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path / "tuned")
    with pytest.raises(UserError, match="give --adapter, or --reference zero or mean"):
        load(tmp_path / "tuned", None)
    assert not load(tmp_path / "tuned", None, reference="zero").has_adapter


def test_nan_in_base_and_in_adapter(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    base = _copy(tiny_base, tmp_path / "base")
    state = load_file(base / "model.safetensors")
    state["model.layers.2.mlp.up_proj.weight"][3, 4] = torch.nan
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"layers\.2\.mlp\.up_proj.*weight of base holds values that are not finite"):
        load(base, tiny_adapter)
    adapter = _copy(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    next(iter(state.values()))[0, 0] = torch.inf
    save_file(state, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match="not finite"):
        load(tiny_base, adapter)


def test_uncovered_architecture(tmp_path: Path, tiny_base: Path) -> None:
    folder = _copy(tiny_base, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "gpt2"}))
    with pytest.raises(UserError, match="'gpt2' is not covered; covered: llama, mistral, qwen2"):
        load(folder, None, reference="zero")


def test_truncated_weights(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    base = _copy(tiny_base, tmp_path / "base")
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match="cannot be loaded"):
        load(base, tiny_adapter)
    adapter = _copy(tiny_adapter, tmp_path / "lora")
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(UserError, match="cannot be read"):
        load(tiny_base, adapter)


def test_dora_is_refused_by_name(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "dora", use_dora=True)
    with pytest.raises(UserError, match="DoRA"):
        load(tiny_base, adapter)


def test_fingerprint_follows_the_content(tmp_path: Path, tiny_base: Path) -> None:
    copy = _copy(tiny_base, tmp_path / "copy")
    first = locate_model(str(copy)).fingerprint()
    assert first == locate_model(str(tiny_base)).fingerprint()
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert first != locate_model(str(copy)).fingerprint()


def _copy(source: Path, target: Path) -> Path:
    import shutil

    shutil.copytree(source, target)
    return target


def test_incomplete_adapter(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = _copy(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if "up_proj" not in name}
    save_file(kept, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"is incomplete: it lacks 8 tensors, the first is .*up_proj\.lora_A"):
        load(tiny_base, adapter)


def test_nan_outside_the_mlps(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    for name in ("model.norm.weight", "model.layers.0.self_attn.q_proj.weight"):
        base = _copy(tiny_base, tmp_path / name)
        state = load_file(base / "model.safetensors")
        state[name].view(-1)[3] = torch.nan
        save_file(state, base / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(UserError, match=rf"{name} of .* not finite"):
            load(base, tiny_adapter)
