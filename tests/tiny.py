"""Tiny transformers with every parameter random (norm gains and biases too), a tokenizer and a LoRA, as files."""

from pathlib import Path

import torch
from peft import LoraConfig, TaskType, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedTokenizerFast

D_MODEL, D_FF, LAYERS = 24, 40, 4

_TEXT = "query passage what is a the neuron coalition layer splits into merges of graph persists game value"
WORDS = _TEXT.split()


def save_base(folder: Path, model_type: str = "llama", *, seed: int = 0, d_ff: int = D_FF, **options: object) -> Path:
    """Write a causal language model, which has no task head, as most base models do."""
    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    config = AutoConfig.for_model(
        model_type,
        vocab_size=len(tokenizer),
        hidden_size=D_MODEL,
        intermediate_size=d_ff,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        **options,
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.3 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * (0.3 if parameter.ndim == 1 else 0.25))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_adapter(base: Path, folder: Path, *, scale: float = 0.03, seed: int = 1, **options: object) -> Path:
    """Write a LoRA on all MLP projections, with a task head; ``scale=0`` leaves it untrained."""
    torch.manual_seed(seed)
    classifier = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    settings = {"task_type": TaskType.SEQ_CLS, "r": 3, "lora_alpha": 5}
    settings |= {"target_modules": ["gate_proj", "up_proj", "down_proj"], "modules_to_save": ["score"]}
    model = get_peft_model(classifier, LoraConfig(**(settings | options)))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn_like(parameter) * scale)
            if "score.modules_to_save" in name:
                parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(str(folder))
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: number for number, word in enumerate(["<pad>", "<eos>", "<unk>", ":", ",", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
