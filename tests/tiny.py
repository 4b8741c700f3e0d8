"""Tiny transformers with every parameter random (norm gains and biases too), and what tunes them, as files."""

import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedTokenizerFast

D_MODEL, D_FF, LAYERS = 24, 40, 4

_TEXT = "query passage what is a the neuron coalition layer splits into merges of graph persists game value yes no"
WORDS = _TEXT.split()

# A quarter or half of a head of eight dimensions turns.
_TURNS = {"num_attention_heads": 3, "num_key_value_heads": 3}
_FALCON = {"new_decoder_architecture": False, "multi_query": False, "parallel_attn": False, "bias": True}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama with biases": ("llama", {"mlp_bias": True}),
    "mistral": ("mistral", {}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {"head_dim": 6}),
    "smollm3": ("smollm3", {}),
    "phi3": ("phi3", {"bos_token_id": 1}),
    "olmo2": ("olmo2", {}),
    "olmo3": ("olmo3", {"sliding_window": 5}),
    "gemma": ("gemma", {"head_dim": 6}),
    "gemma2": ("gemma2", {"head_dim": 6, "sliding_window": 5, "query_pre_attn_scalar": 6}),
    "gemma2 with attention well capped": ("gemma2", {"head_dim": 6, "attn_logit_softcapping": 0.5}),
    "gemma3": ("gemma3_text", {"head_dim": 6, "sliding_window": 5, "query_pre_attn_scalar": 6}),
    "gpt_neox": ("gpt_neox", {**_TURNS}),
    "gpt_neox in sequence": ("gpt_neox", {**_TURNS, "use_parallel_residual": False}),
    "gpt2": ("gpt2", {}),
    "falcon": ("falcon", {"num_kv_heads": 2, "new_decoder_architecture": True}),
    "falcon in sequence": ("falcon", {**_FALCON}),
    "falcon with one norm": ("falcon", {**_FALCON, "parallel_attn": True, "multi_query": True, "alibi": True}),
    "phi": ("phi", {**_TURNS}),
    "starcoder2": ("starcoder2", {}),
}
"""Every covered architecture, and the shapes that its configuration can give its block."""

TARGETS = {
    "phi3": ["gate_up_proj", "down_proj"],
    "gpt_neox": ["dense_h_to_4h", "dense_4h_to_h"],
    "falcon": ["dense_h_to_4h", "dense_4h_to_h"],
    "gpt2": ["c_fc", "mlp.c_proj"],
    "starcoder2": ["c_fc", "c_proj"],
    "phi": ["fc1", "fc2"],
}
"""The MLP's projections by model type, where they are not the usual three."""


def save_base(folder: Path, model_type: str = "llama", *, seed: int = 0, d_ff: int = D_FF, **options: object) -> Path:
    """Write a causal language model, which has no task head, as most base models do."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": D_MODEL,
        "intermediate_size": d_ff,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "tie_word_embeddings": False,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }
    own = {"gpt2": "n_inner", "falcon": "ffn_hidden_size"}
    if model_type in own:
        settings[own[model_type]] = settings.pop("intermediate_size")
        del settings["num_key_value_heads"]
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **(settings | options)))
    with torch.no_grad():
        for module in model.modules():
            is_norm = type(module).__name__.endswith("Norm")
            for name, parameter in module.named_parameters(recurse=False):
                spread = 0.3 if parameter.ndim == 1 else 0.25
                parameter.copy_(torch.randn_like(parameter) * spread + (is_norm and name == "weight"))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_kind(folder: Path, kind: str, **options: object) -> Path:
    """Write the base of one of ``KINDS``."""
    model_type, own = KINDS[kind]
    return save_base(folder, model_type, **(own | options))


def only_generates(kind: str) -> bool:
    """Whether this release of transformers has no classifier of that kind."""
    return type(AutoConfig.for_model(KINDS[kind][0])) not in AutoModelForSequenceClassification._model_mapping


def save_adapter(
    base: Path, folder: Path, *, scale: float = 0.03, seed: int = 1, causal: bool = False, **options: object
) -> Path:
    """Write a LoRA on all MLP projections, with a task head unless ``causal``; ``scale=0`` leaves it untrained.

    Whatever the options let it train is random.
    """
    torch.manual_seed(seed)
    auto: Any = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
    model = auto.from_pretrained(base, **({} if causal else {"num_labels": 1}))
    targets = TARGETS.get(model.config.model_type, ["gate_proj", "up_proj", "down_proj"])
    settings: dict[str, Any] = {"r": 3, "lora_alpha": 5, "target_modules": targets}
    settings |= {"task_type": TaskType.CAUSAL_LM if causal else TaskType.SEQ_CLS}
    settings |= {"fan_in_fan_out": model.config.model_type == "gpt2"}
    settings |= {} if causal else {"modules_to_save": ["score"]}
    with warnings.catch_warnings():
        # PEFT doubts biases of a LoRA, which it saves and runs all the same.
        warnings.simplefilter("ignore")
        wrapped = get_peft_model(model, LoraConfig(**(settings | options)))
        _draw(wrapped, scale)
        wrapped.save_pretrained(str(folder))
    return folder


@torch.no_grad()
def _draw(wrapped: Any, scale: float) -> None:
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            parameter.copy_(torch.randn_like(parameter) * scale)
        elif "modules_to_save" in name:
            parameter.copy_(torch.randn_like(parameter))
        elif parameter.requires_grad and ("bias" in name or "magnitude" in name):
            parameter.add_(torch.randn_like(parameter) * scale)


def save_tuned(base: Path, folder: Path, *, scale: float = 0.01, seed: int = 2, causal: bool = False) -> Path:
    """Write a whole model in which every parameter differs from the base's; a classifier unless ``causal``."""
    torch.manual_seed(seed)
    auto: Any = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
    model = auto.from_pretrained(base, **({} if causal else {"num_labels": 1}))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            change = torch.randn_like(parameter)
            parameter.copy_(change) if name.startswith("score") else parameter.add_(change * scale)
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each word of ``WORDS`` and a few more."""
    vocabulary = {word: number for number, word in enumerate(["<pad>", "<eos>", "<unk>", ":", ",", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
