"""Models and adapters that are not covered, or do not fit, as a user meets them: one line, and nothing is left."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from tiny import save_adapter, save_base
from transformers import AutoModelForCausalLM

from hedonic_graph.cli import main

TOKENS = ("--readout", "token: yes - no")


class Workshop:
    """Makes models from the tiny ones of all tests."""

    def __init__(self, folder: Path, base: Path, adapter: Path) -> None:
        self.folder, self.base, self.adapter = folder, base, adapter

    def configured(self, **change: object) -> list[str]:
        """The base with another configuration."""
        config = self._copy() / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | change))
        return self.options(self.folder / "base")

    def adapted(self, **options: object) -> list[str]:
        """The base with another adapter."""
        return self.options(self.base, save_adapter(self.base, self.folder / "lora", **options))

    def without(self, *lost: str) -> list[str]:
        """The base with some weights missing, and no adapter."""
        weights = self._copy() / "model.safetensors"
        state = {name: tensor for name, tensor in load_file(weights).items() if name not in lost}
        save_file(state, weights, metadata={"format": "pt"})
        return [*self.options(self.folder / "base")[:2], "--reference", "zero"]

    def in_shards(self) -> list[str]:
        """The base in shards, one of which is missing."""
        target = self._copy()
        AutoModelForCausalLM.from_pretrained(self.base).save_pretrained(target, max_shard_size="15KB")
        (target / "model.safetensors").unlink()
        next(iter(sorted(target.glob("model-00002-*")))).unlink()
        return self.options(target)

    def tied(self) -> list[str]:
        """A model whose head is its embedding."""
        base = save_base(self.folder / "tied", tie_word_embeddings=True)
        assert "lm_head.weight" not in load_file(base / "model.safetensors")
        return [*self.options(base)[:2], "--reference", "zero"]

    def options(self, base: Path, adapter: Path | None = None) -> list[str]:
        return ["--model", str(base), "--adapter", str(adapter or self.adapter)]

    def _copy(self) -> Path:
        return Path(shutil.copytree(self.base, self.folder / "base"))


@pytest.fixture
def workshop(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> Workshop:
    return Workshop(tmp_path, tiny_base, tiny_adapter)


COVERED = "covered: falcon, gemma, gemma2, gemma3_text, gpt2, gpt_neox, llama, mistral, olmo2, "

MISTAKES: dict[str, tuple[Callable[[Workshop], list[str]], str]] = {
    "a type of its own": (lambda it: it.configured(model_type="opt"), f"model type 'opt' is not covered; {COVERED}"),
    "a shell": (lambda it: it.configured(model_type="gemma3"), "model type 'gemma3' is a multimodal shell"),
    "experts": (lambda it: it.configured(model_type="mixtral"), "model type 'mixtral' is a mixture of experts"),
    "four bits": (
        lambda it: it.configured(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
        "model base is quantised (bitsandbytes), which is not covered: give the checkpoint it was made from, or a GGUF",
    ),
    "attention only": (
        lambda it: it.adapted(target_modules=["q_proj", "v_proj"]),
        "adapter lora changes no MLP (only q_proj, score, v_proj): give one on the MLP projections",
    ),
    "other layers": (
        lambda it: it.adapted(layers_to_transform=[0, 3]),
        "adapter lora changes nothing in the MLP of layer 1: it changes those of layers 0,3",
    ),
    "untrained": (lambda it: it.adapted(scale=0.0), "lora changes nothing in the MLP of layer 1 (its delta is exactly"),
    "no task head": (
        lambda it: it.adapted(task_type=None, modules_to_save=None),
        "no task head: neither tiny nor the adapter has the weights of 'score'",
    ),
    "a tied head is none for the score": (
        lambda it: it.tied(),
        "no task head: tied does not have the weights of 'score', which the logit is read from; a generative model",
    ),
    "no language model head": (
        lambda it: [*it.without("lm_head.weight"), *TOKENS],
        "no language model head: base does not have the weights of 'lm_head'",
    ),
    "lost weights": (
        lambda it: [*it.without("model.layers.0.mlp.up_proj.weight"), *TOKENS],
        "base lacks 1 of its weights, the first is model.layers.0.mlp.up_proj.weight",
    ),
    "a lost shard": (lambda it: it.in_shards(), "model base lacks model-00002-of-"),
    "several tokens": (
        lambda it: [*it.tied(), "--readout", "token: perhaps - no"],
        "readout: this tokenizer does not know ' perhaps'",
    ),
    "a readout of nothing": (lambda it: [*it.tied(), "--readout", "yes"], "readout 'yes' cannot be read: write score"),
    "a prompt without a passage": (
        lambda it: [*it.tied(), "--prompt", "{question}"],
        "prompt '{question}' must hold {query}, {passage} or both",
    ),
    "adapter and tuned": (
        lambda it: [*it.options(it.base), "--tuned", str(it.base)],
        "give an adapter or a tuned model, not both",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_in_one_line(mistake: str, workshop: Workshop, tiny_text: Path) -> None:
    make, says = MISTAKES[mistake]
    output = workshop.folder / "analysis"
    result = CliRunner().invoke(
        main, ["analyze", *make(workshop), "--text", str(tiny_text), "--layers", "1-2", "-o", str(output)]
    )
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("reading ")]
    assert line.startswith(f"Error: {says}")
    assert not output.exists()


def test_a_tied_head_is_read_by_tokens(workshop: Workshop, tiny_text: Path) -> None:
    options = ["--layers", "1-2", "--solver", "exact", "--certificate-samples", "200"]
    result = CliRunner().invoke(
        main,
        ["analyze", *workshop.tied(), *TOKENS, "--text", str(tiny_text), *options, "-o", str(workshop.folder / "new")],
    )
    assert result.exit_code == 0, result.stderr
    assert "not tuned" in result.stdout
