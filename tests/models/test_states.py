"""States of every layer against `output_hidden_states` of whole models of plain peft and transformers."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from models.loading import error, sentences
from oracle import StayDouble, Whole
from tiny import LAYERS, make_tokenizer, save_adapter, save_kind, save_tuned

from hedonic_graph.models.capture import batches
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.locate import Files, locate_adapter, locate_model
from hedonic_graph.models.states import base_and_tuned, states
from hedonic_graph.progress import Silent

PROMPTS = sentences(8)
ALL = tuple(range(LAYERS))


def opened(base: Path, adapter: Path | None = None, tuned: Path | None = None) -> dict[str, LoadedModel]:
    def files(path: Path | None, locate: Any) -> Files | None:
        return locate(str(path)) if path else None

    base_files = locate_model(str(base))
    return base_and_tuned(
        base_files, files(adapter, locate_adapter), files(tuned, locate_model), ALL, torch.device("cpu")
    )


def ours(model: LoadedModel, layers: tuple[int, ...] = ALL) -> dict[int, torch.Tensor]:
    batched = batches(model, PROMPTS, batch_size=3, max_tokens=64)
    with tempfile.TemporaryDirectory() as folder:
        return dict(states(model, batched, layers, Path(folder), "key", begin=lambda first, count: Silent()))


def theirs(whole: Whole, model: Any) -> torch.Tensor:
    """What each layer gives at the last token, [layers, B, d], the last behind the final norm; no padding."""
    found = []
    with torch.no_grad(), StayDouble():
        for prompt in PROMPTS:
            hidden = model(**whole.tokenizer(prompt, return_tensors="pt"), output_hidden_states=True).hidden_states
            found.append(torch.stack([one[0, -1] for one in hidden[1:]]))
    return torch.stack(found, 1)


def check(found: dict[int, torch.Tensor], whole: Whole, model: Any) -> None:
    expected = theirs(whole, model)
    assert list(found) == list(ALL)
    norm = model.get_submodule(f"{whole.row.backbone}.{whole.row.final_norm}")
    with torch.no_grad(), StayDouble():
        last = norm(found[LAYERS - 1].double())
    for layer in ALL[:-1]:
        assert error(found[layer], expected[layer]) < 1e-5
    assert error(last, expected[-1]) < 1e-5


@pytest.mark.parametrize("kind", ["llama", "olmo2", "gemma2", "gpt2", "gpt_neox", "falcon in sequence"])
def test_states_are_the_hidden_states_of_the_whole_models(kind: str, tmp_path: Path) -> None:
    """Norms before and behind the MLP, parallel blocks, learned positions; base and tuned."""
    causal = kind in ("olmo2", "falcon in sequence")
    base = save_kind(tmp_path / "base", kind)
    adapter = save_adapter(base, tmp_path / "lora", scale=0.3, causal=causal)
    whole = Whole(base, adapter, causal=causal)
    models = opened(base, adapter)
    assert list(models) == ["base", "tuned"]
    check(ours(models["base"]), whole, whole.base)
    check(ours(models["tuned"]), whole, whole.tuned)
    assert error(ours(models["tuned"])[1], theirs(whole, whole.base)[1]) > 1e-2


def test_a_whole_tuned_model(tiny_base: Path, tmp_path: Path) -> None:
    tuned = save_tuned(tiny_base, tmp_path / "tuned", scale=0.1)
    whole = Whole(tiny_base, tuned=tuned)
    models = opened(tiny_base, tuned=tuned)
    check(ours(models["base"]), whole, whole.base)
    check(ours(models["tuned"]), whole, whole.tuned)


def test_a_base_alone_and_some_of_its_layers(tiny_base: Path) -> None:
    whole = Whole(tiny_base)
    models = opened(tiny_base)
    assert list(models) == ["base"]
    found, expected = ours(models["base"], (0, 2)), theirs(whole, whole.base)
    assert list(found) == [0, 2]
    for layer in found:
        assert error(found[layer], expected[layer]) < 1e-5


def test_an_adapter_on_attention_alone(tiny_base: Path, tmp_path: Path) -> None:
    """Nothing is ablated here, so no MLP needs to be tuned."""
    adapter = save_adapter(tiny_base, tmp_path / "lora", scale=0.3, target_modules=["q_proj", "v_proj"])
    whole = Whole(tiny_base, adapter)
    check(ours(opened(tiny_base, adapter)["tuned"]), whole, whole.tuned)


def test_both_read_with_the_adapters_tokenizer(tiny_base: Path, tiny_adapter: Path, tmp_path: Path) -> None:
    import shutil

    adapter = shutil.copytree(tiny_adapter, tmp_path / "lora")
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "<eos>"})
    tokenizer.save_pretrained(adapter)
    models = opened(tiny_base, adapter)
    assert models["base"].tokenizer.pad_token == models["tuned"].tokenizer.pad_token == "<eos>"
