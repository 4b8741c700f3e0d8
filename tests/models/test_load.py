"""What does not belong together is refused in one line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from models.loading import captured, load
from safetensors.torch import load_file, save_file
from tiny import save_adapter, save_base, save_kind, save_tuned

from hedonic_graph.errors import UserError
from hedonic_graph.models.checkpoint import Checkpoint
from hedonic_graph.models.load import shape_of
from hedonic_graph.models.locate import locate_adapter, locate_model
from hedonic_graph.models.skeleton import build, read_config, read_tokenizer


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


def test_no_head_anywhere(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "headless", task_type=None, modules_to_save=None)
    with pytest.raises(UserError, match="no task head: neither tiny nor the adapter has the weights of 'score'"):
        load(tiny_base, adapter)
    with pytest.raises(UserError, match=r"no task head: tiny does not have .* is read by --readout 'token: yes - no'"):
        load(tiny_base, None, reference="zero")


def test_head_of_several_numbers(tmp_path: Path, tiny_base: Path) -> None:
    tuned = save_tuned(tiny_base, tmp_path / "tuned")
    state = load_file(tuned / "model.safetensors")
    state["score.weight"] = torch.ones(3, 24)
    save_file(state, tuned / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"the task head of tuned gives 3 numbers"):
        load(tuned, None, reference="zero")


def test_no_adapter_needs_another_reference(tmp_path: Path, tiny_base: Path) -> None:
    tuned = save_tuned(tiny_base, tmp_path / "tuned")
    with pytest.raises(UserError, match="give --adapter or --tuned, or --reference zero or mean"):
        load(tuned, None)
    assert load(tuned, None, reference="zero").adapter is None


def test_a_tuned_model_of_another_base(tmp_path: Path, tiny_base: Path) -> None:
    other = save_tuned(save_base(tmp_path / "other", num_hidden_layers=5), tmp_path / "tuned")
    with pytest.raises(UserError, match="tuned was not tuned from tiny: layers 5 in one, 4 in the other"):
        load(tiny_base, tuned=other)
    other = save_tuned(save_base(tmp_path / "mistral", "mistral"), tmp_path / "tuned2")
    with pytest.raises(UserError, match="model type mistral in one, llama in the other"):
        load(tiny_base, tuned=other)
    other = save_tuned(save_base(tmp_path / "wide", d_ff=56), tmp_path / "tuned3")
    with pytest.raises(UserError, match=r"tiny: 0\.mlp\.down_proj\.weight \[24, 56\] in one, \[24, 40\] in the"):
        load(tiny_base, tuned=other)


def test_models_and_adapters_taken_for_each_other(tiny_base: Path, tiny_adapter: Path) -> None:
    with pytest.raises(UserError, match="but a whole model: name it with --tuned"):
        locate_adapter(str(tiny_base))
    with pytest.raises(UserError, match="but an adapter: name it with --adapter"):
        locate_model(str(tiny_adapter))


@pytest.mark.parametrize(
    "name", ["model.norm.weight", "model.layers.0.self_attn.q_proj.weight", "model.layers.2.mlp.up_proj.weight"]
)
def test_nan_in_the_base(tmp_path: Path, tiny_base: Path, tiny_adapter: Path, name: str) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    _change(base, {name: lambda value: value.view(-1)[3:4].fill_(torch.nan)})
    with pytest.raises(UserError, match=rf"{name} of base holds values that are not finite"):
        captured(load(base, tiny_adapter), ["query what is graph"], (1, 2))


def _configured(base: Path, folder: Path, **change: Any) -> Path:
    folder = shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    return folder


def test_uncovered_model_types(tmp_path: Path, tiny_base: Path) -> None:
    covered = "covered: falcon, gemma, .*, llama, "
    for model_type, says in {
        "opt": f"'opt' is not covered; {covered}",
        "gemma3": rf"'gemma3' is a multimodal shell.* language model in it \('gemma3_text'\) .*; {covered}",
        "qwen2_5_vl": rf"is a multimodal shell, which is not covered, nor is .* \('qwen2_5_vl_text'\); {covered}",
        "dbrx": rf"'dbrx' is a mixture of experts.*; {covered}",
        "mixtral": f"'mixtral' is a mixture of experts.*; {covered}",
        "olmoe": "'olmoe' is a mixture of experts",
        "somebodys-own": f"'somebodys-own' is not covered; {covered}",
    }.items():
        folder = _configured(tiny_base, tmp_path / model_type, model_type=model_type)
        with pytest.raises(UserError, match=says):
            load(folder, None, reference="zero")
        with pytest.raises(UserError, match=says):
            shape_of(locate_model(str(folder)))


def test_quantised_weights(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    settings = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    folder = _configured(tiny_base, tmp_path / "four", quantization_config=settings)
    with pytest.raises(UserError, match=r"four is quantised \(bitsandbytes\).* it was made from, or a GGUF"):
        load(folder, tiny_adapter)
    # What a configuration keeps quiet about shows in the weights.
    folder = shutil.copytree(tiny_base, tmp_path / "eight")
    _change(folder, {}, {"model.layers.1.mlp.up_proj.weight": torch.int8})
    with pytest.raises(UserError, match=r"up_proj.weight of eight is stored as I8: quantised"):
        load(folder, tiny_adapter).block(1)


def test_half_precision_is_read_exactly(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    for dtype in (torch.bfloat16, torch.float16):
        folder = shutil.copytree(tiny_base, tmp_path / str(dtype))
        _change(folder, {}, dict.fromkeys(load_file(folder / "model.safetensors"), dtype))
        stored = load_file(folder / "model.safetensors")["model.layers.1.mlp.up_proj.weight"]
        block = load(folder, tiny_adapter).block(1)
        assert torch.equal(block.base.up, stored.float())
        assert not torch.equal(block.tuned.up, block.tuned.up.to(dtype).float())


def _shards(base: Path, folder: Path) -> Path:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(base).save_pretrained(folder, max_shard_size="15KB")
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def test_shards_and_a_missing_one(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    folder = _shards(tiny_base, tmp_path / "shards")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 3
    assert torch.equal(load(folder, tiny_adapter).block(2).base.down, load(tiny_base, tiny_adapter).block(2).base.down)
    shards[1].unlink()
    with pytest.raises(UserError, match=rf"lacks {shards[1].name} \(1 of {len(shards)} shards .*download it again"):
        load(folder, tiny_adapter)


def test_names_and_formats_that_checkpoints_have(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    """A backbone saved by itself, PyTorch's own format, whole and in shards."""
    expected = load(tiny_base, tiny_adapter).block(2).tuned.down
    state = load_file(tiny_base / "model.safetensors")
    bare = shutil.copytree(tiny_base, tmp_path / "bare")
    save_file({name.removeprefix("model."): tensor for name, tensor in state.items()}, bare / "model.safetensors")
    pickled = shutil.copytree(tiny_base, tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    torch.save(state, pickled / "pytorch_model.bin")
    split = shutil.copytree(tiny_base, tmp_path / "split")
    (split / "model.safetensors").unlink()
    parts = {f"part-{number}.bin": name for number, name in enumerate(state)}
    for file, name in parts.items():
        torch.save({name: state[name]}, split / file)
    index = {"weight_map": {name: file for file, name in parts.items()}}
    (split / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    for folder in (bare, pickled, split):
        assert torch.equal(load(folder, tiny_adapter).block(2).tuned.down, expected)
    (pickled / "pytorch_model.bin").write_bytes(b"not weights")
    with pytest.raises(UserError, match=r"pytorch_model.bin is damaged"):
        load(pickled, tiny_adapter)
    (pickled / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match="model pickled has no weights"):
        load(pickled, tiny_adapter)


def test_weights_that_are_not_there(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    folder = shutil.copytree(tiny_base, tmp_path / "base")
    state = load_file(folder / "model.safetensors")
    # Layers above the last analysed one are not missed.
    kept = {name: tensor for name, tensor in state.items() if "layers.3." not in name}
    save_file(kept, folder / "model.safetensors")
    load(folder, tiny_adapter)
    del kept["model.layers.2.mlp.up_proj.weight"], kept["model.norm.weight"]
    save_file(kept, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"base lacks 2 of its weights, the first is model.layers.2.mlp.up_proj.weight"):
        load(folder, tiny_adapter)


def test_weights_of_another_shape(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    folder = _configured(tiny_base, tmp_path / "base", intermediate_size=48)
    with pytest.raises(UserError, match=r"made for another base"):
        load(folder, tiny_adapter)
    with pytest.raises(UserError, match=r"gate_proj.weight of base is \[40, 24\], its configuration says \[48, 24\]"):
        load(folder, save_adapter(tiny_base, tmp_path / "q", target_modules=["q_proj"]), reference="zero").block(1)


def test_truncated_weights(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"cannot be loaded: model\.safetensors is damaged"):
        load(base, tiny_adapter)
    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(UserError, match="cannot be read"):
        load(tiny_base, adapter)


def test_fingerprint_follows_the_content(tmp_path: Path, tiny_base: Path) -> None:
    copy = shutil.copytree(tiny_base, tmp_path / "copy")
    first = locate_model(str(copy)).fingerprint()
    assert first == locate_model(str(tiny_base)).fingerprint()
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert first != locate_model(str(copy)).fingerprint()


def _change(folder: Path, edits: dict[str, Any], dtypes: dict[str, torch.dtype] | None = None) -> None:
    """Edit or convert tensors of a checkpoint."""
    state = load_file(folder / "model.safetensors")
    for name, edit in edits.items():
        edit(state[name])
    for name, dtype in (dtypes or {}).items():
        state[name] = state[name].to(dtype)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_tuned_model_whose_mlp_is_built_otherwise(tmp_path: Path, tiny_base: Path) -> None:
    """Biases, the activation and the sizes are those of each model's own configuration."""
    biased = save_kind(tmp_path / "biased", "llama with biases")
    with pytest.raises(UserError, match=r"not tuned from biased: 0\.mlp\.down_proj\.bias none in one, \[24\] "):
        load(biased, tuned=save_tuned(tiny_base, tmp_path / "plain"))
    with pytest.raises(UserError, match=r"0\.mlp\.down_proj\.bias \[24\] in one, none in the other"):
        load(tiny_base, tuned=save_tuned(biased, tmp_path / "biased2"))
    gelu = save_tuned(save_kind(tmp_path / "gelu", "llama", hidden_act="gelu"), tmp_path / "other")
    with pytest.raises(UserError, match="activation GELUActivation in one, SiLUActivation in the other"):
        load(tiny_base, tuned=gelu)
    # GPT-2's own size of an MLP is four times its width: said or not, it is the same.
    four = {"n_inner": 4 * 24}
    base = save_base(tmp_path / "gpt2", "gpt2", **four)
    tuned = _configured(save_tuned(base, tmp_path / "said"), tmp_path / "unsaid", n_inner=None)
    assert load(base, tuned=tuned).tuning is not None
    with pytest.raises(UserError, match=r"0\.mlp\.c_fc\.bias \[96\] in one, \[40\] in the other"):
        load(save_base(tmp_path / "narrow", "gpt2"), tuned=tuned)


def test_a_model_without_a_tokenizer(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    (base / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"base has no tokenizer: none of tokenizer\.json, tok.*, vocab\.json"):
        load(base, tiny_adapter)


def test_attention_that_is_capped_is_not_fused(tmp_path: Path) -> None:
    files = locate_model(str(save_kind(tmp_path / "base", "gemma2 with attention well capped")))
    config = read_config(files)
    config._attn_implementation = "sdpa"
    assert build(config, files, causal=True).config._attn_implementation == "eager"


def test_prompts_lose_their_end_whatever_the_tokenizer_says(tmp_path: Path, tiny_base: Path) -> None:
    base = shutil.copytree(tiny_base, tmp_path / "base")
    settings = json.loads((base / "tokenizer_config.json").read_text())
    (base / "tokenizer_config.json").write_text(json.dumps(settings | {"truncation_side": "left"}))
    assert read_tokenizer(locate_model(str(base))).truncation_side == "right"


def test_buffers_go_where_the_weights_go(tiny_base: Path) -> None:
    """Held against a device that every machine has."""
    layer = torch.nn.Linear(24, 40, bias=False, device="meta")
    layer.register_buffer("mask", torch.ones(3))
    weights = Checkpoint.open(locate_model(str(tiny_base)))
    weights.fill(layer, "model.layers.0.mlp.up_proj", torch.device("cpu"))
    assert not layer.weight.is_meta
    weights.fill(layer, "model.layers.0.mlp.up_proj", torch.device("meta"))
    assert layer.weight.is_meta
    assert layer.get_buffer("mask").is_meta
