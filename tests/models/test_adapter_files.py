"""What an adapter's files must be, and say of themselves."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from models.loading import load
from safetensors.torch import load_file, save_file
from tiny import make_tokenizer, save_adapter, save_base, save_kind

from hedonic_graph.errors import UserError
from hedonic_graph.models.card import card


def test_adapter_for_another_base(tmp_path: Path, tiny_base: Path) -> None:
    other = save_base(tmp_path / "other", d_ff=56)
    adapter = save_adapter(other, tmp_path / "lora")
    with pytest.raises(UserError, match=r"made for another base: .* is 24 x 40 here, the adapter has 56 inputs"):
        load(tiny_base, adapter)


def test_adapter_with_a_module_the_model_lacks(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    renamed = {name.replace("layers.3.", "layers.9."): tensor for name, tensor in state.items()}
    save_file(renamed, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"made for another base: this model has no .*layers\.9"):
        load(tiny_base, adapter)


def test_adapter_that_changes_nothing(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "zero", scale=0.0)
    with pytest.raises(UserError, match=r"zero changes nothing in the MLP of layer 1 .*exactly zero"):
        card(load(tiny_base, adapter), (1, 2))
    card(load(tiny_base, adapter, reference="zero"), (1, 2))


def test_adapter_on_other_layers(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "one", layers_to_transform=[1])
    assert load(tiny_base, adapter, (1,)).adapter is not None
    with pytest.raises(UserError, match=r"one changes nothing in the MLP of layer 2: it changes those of layers 1$"):
        load(tiny_base, adapter)


def test_adapter_on_attention_only(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "attention", target_modules=["q_proj", "v_proj"])
    with pytest.raises(
        UserError, match=r"attention changes no MLP \(only q_proj, score, v_proj\): give one on the MLP"
    ):
        load(tiny_base, adapter)
    assert load(tiny_base, adapter, reference="mean").adapter is not None


def test_adapter_with_a_head_of_several_numbers(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    state["base_model.model.score.weight"] = torch.ones(2, 24)
    save_file(state, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"the task head of lora gives 2 numbers"):
        load(tiny_base, adapter)


def test_nan_in_the_adapter(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    next(iter(state.values()))[0, 0] = torch.inf
    save_file(state, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match="not finite"):
        load(tiny_base, adapter)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"peft_type": "IA3"}, r"not covered \(IA3\): only LoRA and DoRA"),
        ({"init_lora_weights": "pissa_niter_16"}, "began with pissa_niter_16, which changes the base weights"),
        *(
            ({"init_lora_weights": began}, f"began with {began}, which changes the base weights; save it as a plain")
            for began in ("pissa", "corda", "olora", "OLoRA", "mica", "loftq", "lora_ga")
        ),
        ({"peft_type": "FOO"}, r"not covered \(FOO\): only"),
        ({"peft_type": None}, r"not covered \(no peft_type\): only"),
        ({"layer_replication": [[0, 4], [2, 4]]}, "it uses layer_replication"),
        ({"alora_invocation_tokens": [3]}, "it uses alora_invocation_tokens"),
        ({"use_qalora": True}, "it uses use_qalora"),
        ({"velora_config": {}}, "it is a VeloraLinearVariant"),
        ({"bias": "all"}, r"is incomplete: it lacks .* tensors, the first is .*bias"),
    ],
)
def test_adapters_that_are_not_what_their_files_hold(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    base = save_kind(tmp_path / "base", "llama with biases")
    adapter = save_adapter(base, tmp_path / "lora")
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=says):
        load(base, adapter)


def test_incomplete_adapter(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    state = load_file(adapter / "adapter_model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if "up_proj" not in name}
    save_file(kept, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"is incomplete: it lacks 8 tensors, the first is .*up_proj\.lora_A"):
        load(tiny_base, adapter)


@pytest.mark.parametrize(
    "cut", [("lora_A", lambda one: one[:2]), ("lora_B", lambda one: one[:, :2]), ("lora_B", lambda one: one[:, 0])]
)
def test_a_tensor_of_another_rank_than_the_adapter_says(
    tmp_path: Path, tiny_base: Path, tiny_adapter: Path, cut: tuple[str, Any]
) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    side, part = cut
    state = load_file(adapter / "adapter_model.safetensors")
    name = f"base_model.model.model.layers.1.mlp.up_proj.{side}.weight"
    state[name] = part(state[name]).clone()
    save_file(state, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=rf"does not fit its adapter_config\.json: .*up_proj\.{side}\.weight is \["):
        load(tiny_base, adapter)


def test_another_rank_than_that_of_all_its_tensors(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = _adapter_configured(tiny_adapter, tmp_path / "lora", r=7)
    with pytest.raises(UserError, match=r"lora_A\.weight is \[3, 24\], by its configuration it would be \[7, 24\]"):
        load(tiny_base, adapter)


def test_options_of_a_newer_peft(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    newer = _adapter_configured(tiny_adapter, tmp_path / "newer", use_superlora=True, residual_gain=3.0, more=None)
    with pytest.raises(UserError, match="does not know residual_gain and use_superlora: install the peft"):
        load(tiny_base, newer)
    # What a newer release saves of options that are not used.
    unused = _adapter_configured(tiny_adapter, tmp_path / "unused", use_superlora=False, superlora_config=None, more=[])
    assert load(tiny_base, unused).adapter is not None


def _adapter_configured(adapter: Path, folder: Path, **change: Any) -> Path:
    folder = shutil.copytree(adapter, folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | change))
    return folder


def test_an_adapter_in_pickles_only(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(UserError, match=r"has no .*, only adapter_model\.bin: open it with peft and save"):
        load(tiny_base, adapter)
    (adapter / "adapter_model.bin").unlink()
    with pytest.raises(UserError, match=r"has no adapter_model\.safetensors$"):
        load(tiny_base, adapter)


@pytest.mark.parametrize("damaged", ["[]", "{", "3"])
def test_an_adapter_whose_configuration_is_damaged(
    tmp_path: Path, tiny_base: Path, tiny_adapter: Path, damaged: str
) -> None:
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    (adapter / "adapter_config.json").write_text(damaged)
    with pytest.raises(UserError, match=r"lora cannot be read: its adapter_config\.json is damaged"):
        load(tiny_base, adapter)


def test_an_adapter_for_more_tokens(tmp_path: Path, tiny_base: Path) -> None:
    larger = save_base(tmp_path / "larger", vocab_size=30)
    adapter = save_adapter(larger, tmp_path / "lora", modules_to_save=["score", "embed_tokens"])
    with pytest.raises(UserError, match=r"embed_tokens.weight for 30 tokens, this model has 24: resize the base"):
        load(tiny_base, adapter)


def test_a_token_that_came_with_the_adapter(tmp_path: Path) -> None:
    """The base's embedding has rows to spare; its own tokenizer does not know the word."""
    base = save_base(tmp_path / "base", vocab_size=30)
    adapter = save_adapter(base, tmp_path / "lora", causal=True)
    asked = "token: maybe - no"
    with pytest.raises(UserError, match="this tokenizer does not know ' maybe'"):
        load(base, adapter, readout=asked)
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["maybe"])
    tokenizer.save_pretrained(adapter)
    assert load(base, adapter, readout=asked).tokens is not None
    (adapter / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="this tokenizer does not know ' maybe'"):
        load(base, adapter, readout=asked)
