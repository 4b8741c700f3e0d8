"""Readouts of two tokens: which tokens they are, and that they read what the whole model's logits say."""

from pathlib import Path
from typing import Any

import pytest
import torch
from models.loading import captured, error, load, sentences
from oracle import StayDouble, Whole
from tiny import D_MODEL, make_tokenizer, save_adapter, save_base, save_kind, save_tuned
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from hedonic_graph.errors import UserError
from hedonic_graph.models.readout import token_ids
from hedonic_graph.text.readouts import TokenPair

READ = "token: yes - no"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("llama", {}),
        ("llama", {"tie_word_embeddings": True}),
        ("phi", {}),
        ("gpt2", {"tie_word_embeddings": True}),
        ("gemma2", {"final_logit_softcapping": 1.5, "tie_word_embeddings": True}),
        ("gemma3", {"final_logit_softcapping": 1.5}),
        ("gpt_neox", {}),
    ],
)
def test_difference_of_logits_is_the_whole_models(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    base = save_kind(tmp_path / "base", kind, **options)
    adapter = save_adapter(base, tmp_path / "lora", causal=True)
    model, whole = load(base, adapter, readout=READ), Whole(base, adapter, causal=True)
    norm = whole.tuned.get_submodule(f"{whole.row.backbone}.{whole.row.final_norm}")
    y = torch.randn(6, D_MODEL).double() * 3
    plus, minus = make_tokenizer().convert_tokens_to_ids(["yes", "no"])

    # The whole model's own way from the last hidden state to logits: its layers put aside.
    backbone = whole.tuned.get_submodule(whole.row.backbone)
    backbone.forward = lambda *_, **__: _Out(norm(y)[None])
    with torch.no_grad(), StayDouble():
        logits = whole.tuned(input_ids=torch.zeros(1, 6, dtype=torch.long)).logits[0]
    expected = logits[:, plus] - logits[:, minus]
    assert error(model.readout(y), expected) < 1e-6
    if "final_logit_softcapping" in options:
        assert model.readout.cap == 1.5
        assert float(expected.abs().max()) <= 3


class _Out(tuple):
    """What a backbone returns, as far as a head asks."""

    def __new__(cls, hidden: torch.Tensor) -> "_Out":
        return super().__new__(cls, (hidden,))

    def __getattr__(self, name: str) -> Any:
        return self[0] if name == "last_hidden_state" else None


def test_a_saved_head_and_a_lora_on_it_are_read(tmp_path: Path, tiny_base: Path) -> None:
    y = torch.randn(6, D_MODEL).double()
    plus, minus = make_tokenizer().convert_tokens_to_ids(["yes", "no"])
    for name, options in {
        "saved": {"modules_to_save": ["lm_head"]},
        "adapted": {"target_modules": ["up_proj", "lm_head"]},
    }.items():
        adapter = save_adapter(tiny_base, tmp_path / name, causal=True, **options)
        whole = Whole(tiny_base, adapter, causal=True)
        with torch.no_grad(), StayDouble():
            logits = whole.tuned.lm_head(whole.tuned.model.norm(y))
        assert error(load(tiny_base, adapter, readout=READ).readout(y), logits[:, plus] - logits[:, minus]) < 1e-6


def test_a_tuned_language_model_is_read_by_its_tokens(tmp_path: Path, tiny_base: Path) -> None:
    tuned = save_tuned(tiny_base, tmp_path / "tuned", causal=True)
    for model in (load(tiny_base, tuned=tuned, readout=READ), load(tuned, None, reference="zero", readout=READ)):
        kept = captured(model, sentences(3), (1,))[1]
        assert torch.isfinite(model.readout(kept.y)).all()


def test_what_the_readout_does_not_read_is_refused(tmp_path: Path, tiny_base: Path, tiny_adapter: Path) -> None:
    with pytest.raises(UserError, match=r"tiny-lora brings score.weight, which this readout does not read"):
        load(tiny_base, tiny_adapter, readout=READ)
    head = save_adapter(tiny_base, tmp_path / "head", causal=True, modules_to_save=["lm_head"])
    with pytest.raises(UserError, match=r"head brings lm_head.weight, which this readout does not read"):
        load(tiny_base, head)


def test_a_head_that_is_not_there(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = save_base(tmp_path / "base")
    state = load_file(base / "model.safetensors")
    del state["lm_head.weight"]
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="no language model head: base does not have the weights of 'lm_head'"):
        load(base, None, reference="zero", readout=READ)


def _byte_level() -> PreTrainedTokenizerFast:
    """As GPT-2 and LLaMA 3 tokenise: a space belongs to the word behind it."""
    pieces = ["x", "Ċ", "Ġ", "y", "e", "s", "n", "o", "ye", "yes", "no", "Ġyes", "Ġno", "<unk>"]
    merges = [("y", "e"), ("ye", "s"), ("n", "o"), ("Ġ", "yes"), ("Ġ", "no")]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def _sentence_piece() -> PreTrainedTokenizerFast:
    """As LLaMA 2 and Mistral tokenise: every text begins with a space of its own."""
    pieces = ["<unk>", "▁", "x", "<0x0A>", "y", "e", "s", "n", "o", "▁x", "ye", "yes", "no", "▁yes", "▁no"]
    merges = [("▁", "x"), ("y", "e"), ("ye", "s"), ("n", "o"), ("▁", "yes"), ("▁", "no")]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Replace("▁", " ")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.mark.parametrize(
    ("tokenizer", "spaced", "bare"),
    [(_byte_level(), ("Ġyes", "Ġno"), ("yes", "no")), (_sentence_piece(), ("▁yes", "▁no"), ("yes", "no"))],
    ids=["byte level", "sentence piece"],
)
def test_a_bare_word_has_a_space_in_front_and_a_quoted_one_has_not(
    tokenizer: PreTrainedTokenizerFast, spaced: tuple[str, str], bare: tuple[str, str]
) -> None:
    assert tokenizer.convert_ids_to_tokens(token_ids(tokenizer, TokenPair(" yes", " no"))) == list(spaced)
    assert tokenizer.convert_ids_to_tokens(token_ids(tokenizer, TokenPair("yes", "no"))) == list(bare)
    with pytest.raises(UserError, match=r"' yeso' is not one token for this tokenizer but 2 \('.yes', 'o'\)"):
        token_ids(tokenizer, TokenPair(" yeso", " no"))


def test_a_word_that_joins_what_stands_before_it_is_not_one_token() -> None:
    """Its end alone would be taken for it: ``x``, newline and ``yes`` are ``x``, newline with ``y``, ``es``."""
    pieces = ["x", "Ċ", "Ġ", "y", "e", "s", "n", "o", "Ċy", "es", "no"]
    bpe = models.BPE({piece: i for i, piece in enumerate(pieces)}, [("Ċ", "y"), ("e", "s"), ("n", "o")])
    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    with pytest.raises(UserError, match="'yes' is not one token for this tokenizer"):
        token_ids(PreTrainedTokenizerFast(tokenizer_object=tokenizer), TokenPair("yes", "no"))


def test_words_the_tokenizer_does_not_know(tmp_path: Path, tiny_base: Path) -> None:
    adapter = save_adapter(tiny_base, tmp_path / "lora", causal=True)
    with pytest.raises(UserError, match="does not know ' maybe'"):
        load(tiny_base, adapter, readout="token: maybe - no")
    with pytest.raises(UserError, match=r"' yes no' is not one token .* but 2"):
        load(tiny_base, adapter, readout='token: " yes no" - no')
    with pytest.raises(UserError, match="the same token"):
        token_ids(make_tokenizer(), TokenPair(" yes", "yes"))
