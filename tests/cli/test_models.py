"""Models and adapters that are not covered, or do not fit, as a user meets them: one line, and nothing is left."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from tiny import save_adapter, save_base, save_tuned
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

    def indexed(self, weight_map: object) -> list[str]:
        """The base with an index of shards that is damaged."""
        index = self._copy() / "model.safetensors.index.json"
        index.write_text(json.dumps(weight_map if isinstance(weight_map, list) else {"weight_map": weight_map}))
        return self.options(self.folder / "base")

    def stored(self, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> list[str]:
        """The base with one tensor stored otherwise."""
        weights = self._copy() / "model.safetensors"
        state = load_file(weights)
        save_file(state | {name: change(state[name]).contiguous()}, weights, metadata={"format": "pt"})
        return self.options(self.folder / "base")

    def adapter_configured(self, **change: object) -> list[str]:
        """The adapter with another configuration."""
        adapter = Path(shutil.copytree(self.adapter, self.folder / "lora"))
        config = json.loads((adapter / "adapter_config.json").read_text())
        (adapter / "adapter_config.json").write_text(json.dumps(config | change))
        return self.options(self.base, adapter)

    def quantised_adapter(self) -> list[str]:
        """The adapter with one tensor in eight bits."""
        weights = Path(shutil.copytree(self.adapter, self.folder / "lora")) / "adapter_model.safetensors"
        state = load_file(weights)
        name = next(name for name in state if "lora_B" in name)
        save_file(state | {name: state[name].to(torch.int8)}, weights)
        return self.options(self.base, self.folder / "lora")

    def generative(self, model_type: str = "llama", **options: object) -> list[str]:
        """Another base, read by two tokens without an adapter."""
        base = save_base(self.folder / "other", model_type, **options)
        return [*self.options(base)[:2], "--reference", "zero", *TOKENS]

    def narrow(self) -> list[str]:
        """A whole tuned model with fewer tokens in its embedding than its tokenizer."""
        tuned = save_tuned(save_base(self.folder / "fewer", vocab_size=12), self.folder / "tuned", causal=True)
        return ["--model", str(self.base), "--tuned", str(tuned)]

    def ends_prompts(self) -> list[str]:
        """A model whose tokenizer puts a token behind every text."""
        options = self.generative()
        file = self.folder / "other" / "tokenizer.json"
        ends: dict[str, object] = {
            "type": "TemplateProcessing",
            "pair": [],
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<eos>", "type_id": 0}}],
        }
        ends |= {"special_tokens": {"<eos>": {"id": "<eos>", "ids": [1], "tokens": ["<eos>"]}}}
        file.write_text(json.dumps(json.loads(file.read_text()) | {"post_processor": ends}))
        return options

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

UP = "model.layers.0.mlp.up_proj.weight"
"""Below the analysed layers."""
ZERO = ("--reference", "zero")

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
    "an index that is a list": (
        lambda it: it.indexed([]),
        "model.safetensors.index.json of base is damaged: it maps no weights to files",
    ),
    "an index of numbers": (lambda it: it.indexed({UP: 3}), "model base lacks 3 (1 of 1 shards are missing)"),
    "eight bits in the weights only": (
        lambda it: it.stored(UP, lambda one: one.to(torch.int8)),
        f"{UP} of base is stored as I8: quantised weights are not covered; give the checkpoint",
    ),
    "eight floating bits": (
        lambda it: [*it.stored(UP, lambda one: one.to(torch.float8_e4m3fn))[:2], *ZERO, *TOKENS],
        f"{UP} of base is stored as F8_E4M3: quantised",
    ),
    "transposed weights": (
        lambda it: it.stored(UP, lambda one: one.T),
        f"{UP} of base is [24, 40], its configuration says [40, 24]",
    ),
    "another vocabulary": (
        lambda it: [*it.configured(vocab_size=10)[:2], *ZERO, *TOKENS],
        "model.embed_tokens.weight of base is [24, 24], its configuration says [10, 24]",
    ),
    "a width that is none": (
        lambda it: it.configured(hidden_size="x"),
        "model base cannot be loaded: Validation error for field 'hidden_size': TypeError: Field 'hidden_size'",
    ),
    "five heads": (lambda it: it.configured(num_attention_heads=5), "model base cannot be loaded: Class validation"),
    "no heads": (
        lambda it: it.configured(num_attention_heads=0),
        "model base cannot be loaded: integer modulo by zero",
    ),
    "no layers": (lambda it: it.configured(num_hidden_layers=0), "model base has no layers, by its configuration"),
    "an epsilon of another type": (lambda it: it.configured(rms_norm_eps=0), "model base cannot be loaded: Validation"),
    "a quantisation that is none": (lambda it: it.configured(quantization_config="x"), "model base cannot be loaded: "),
    "an unknown activation": (
        lambda it: it.configured(hidden_act="nosuch"),
        "model base cannot be loaded: 'nosuch' is unknown to transformers, or missing",
    ),
    "a pattern that is none": (
        lambda it: it.adapter_configured(target_modules="[x"),
        "adapter lora cannot be put on this model: unterminated character set",
    ),
    "an adapter in eight bits": (
        lambda it: it.quantised_adapter(),
        "model.layers.0.mlp.down_proj.lora_B.weight of adapter lora is stored as int8: quantised adapters are not",
    ),
    "an unknown word": (
        lambda it: [*it.tied(), "--readout", "token: perhaps - no"],
        "readout: this tokenizer does not know ' perhaps'",
    ),
    "several tokens": (
        lambda it: [*it.tied(), "--readout", 'token: " yes no" - no'],
        "readout: ' yes no' is not one token for this tokenizer but 2 ('yes', 'no')",
    ),
    "half a character": (
        lambda it: [*it.tied(), "--readout", r'token: "\ud800" - no'],
        "readout 'token: \"\\\\ud800\" - no' cannot be read: half of a surrogate pair is no text",
    ),
    "a tokenizer that ends every prompt": (
        lambda it: it.ends_prompts(),
        "readout: this tokenizer ends every prompt with '<eos>', and the model would be read behind that: save",
    ),
    "prompts cut before their end": (
        lambda it: [*it.generative(), "--max-tokens", "14"],
        "readout: 16 of 24 prompts have more than 14 tokens and would be read in their middle: give --max-tokens 21",
    ),
    "more tokens than positions": (
        lambda it: it.generative("gpt2", max_position_embeddings=8),
        "the longest prompt has 21 tokens, and other has 8 positions: give --max-tokens 8",
    ),
    "tokens that the embedding lacks": (
        lambda it: [*it.narrow(), *TOKENS[:1], "token: query - passage"],
        "the tokenizer gives token 23 ('no'), and the embedding of tuned has 12: they do not belong together",
    ),
    "a word that the head lacks": (
        lambda it: [*it.narrow(), *TOKENS],
        "readout: ' yes' is token 22 of this tokenizer, and the head has 12",
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
