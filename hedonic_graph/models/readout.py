"""The layer-local logit's head: what is read from any layer's residual stream (DESIGN §3.2)."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hedonic_graph.errors import UserError
from hedonic_graph.models.norm import Norm
from hedonic_graph.text.readouts import TokenPair


@dataclass(frozen=True)
class Readout:
    """``f(y) = sum_h sign_h * cap(weight_h . norm(y) + bias_h)``; without the norm where ``norm`` is None.

    There is one head h but for the difference of two capped logits; ``cap(l)`` is ``cap * tanh(l / cap)``, or
    l itself where ``cap`` is None.
    """

    weight: Tensor
    """[h, d]"""
    bias: Tensor
    """[h]"""
    norm: Norm | None
    sign: tuple[float, ...] = (1.0,)
    cap: float | None = None

    @classmethod
    def difference(cls, weight: Tensor, bias: Tensor, norm: Norm, cap: float | None) -> "Readout":
        """The first of two logits minus the second, from their ``weight`` [2, d] and ``bias`` [2]."""
        if cap is not None:
            return cls(weight, bias, norm, (1.0, -1.0), cap)
        return cls(weight[:1] - weight[1:], bias[:1] - bias[1:], norm)

    def __call__(self, y: Tensor) -> Tensor:
        """Logits [...] of residual streams ``y`` [..., d], in the precision of ``y``."""
        seen = y if self.norm is None else self.norm(y)
        logits = seen @ self.weight.to(seen).T + self.bias.to(seen)
        if self.cap is not None:
            logits = self.cap * torch.tanh(logits / self.cap)
        return logits @ torch.tensor(self.sign).to(seen)

    def without_norm(self) -> "Readout":
        """The same head on the residual stream as it is."""
        return replace(self, norm=None)

    def to(self, device: torch.device) -> "Readout":
        """The same readout on another device."""
        norm = None if self.norm is None else self.norm.to(device)
        return replace(self, weight=self.weight.to(device), bias=self.bias.to(device), norm=norm)


def check_head(name: str, outputs: int) -> None:
    """Raise UserError unless a task head gives one number."""
    if outputs != 1:
        raise UserError(f"the task head of {name} gives {outputs} numbers; the logit needs a head that gives one")


def token_ids(tokenizer: Any, pair: TokenPair) -> tuple[int, int]:
    """The ids of two tokens; raises UserError where one is not exactly one token of this tokenizer."""
    plus, minus = _token_id(tokenizer, pair.plus), _token_id(tokenizer, pair.minus)
    if plus == minus:
        raise UserError(f"readout: {pair.plus!r} and {pair.minus!r} are the same token for this tokenizer")
    return plus, minus


def check_tokens(tokenizer: Any, pair: TokenPair, known: int) -> None:
    """Raise UserError unless a head of ``known`` tokens can read two tokens where this tokenizer ends a prompt."""
    for text, number in zip((pair.plus, pair.minus), token_ids(tokenizer, pair), strict=True):
        if number >= known:
            raise UserError(f"readout: {text!r} is token {number} of this tokenizer, and the head has {known}")
    plain, prompt = tokenizer.encode("x", add_special_tokens=False), tokenizer.encode("x")
    if prompt[-len(plain) :] != plain:
        added = tokenizer.convert_ids_to_tokens(prompt[-1])
        raise UserError(
            f"readout: this tokenizer ends every prompt with {added!r}, and the model would be read behind that: "
            "save the tokenizer without it (add_eos_token false)"
        )


def _token_id(tokenizer: Any, text: str) -> int:
    # Tokenizers join a text's beginning to what stands before it, so it is read behind something.
    before = "x" if text[0].isspace() else "x\n"
    start = tokenizer.encode(before, add_special_tokens=False)
    whole = tokenizer.encode(before + text, add_special_tokens=False)
    ids = whole[len(start) :]
    if whole[: len(start)] != start or len(ids) != 1:
        shown = ", ".join(repr(one) for one in tokenizer.convert_ids_to_tokens(ids))
        raise UserError(
            f"readout: {text!r} is not one token for this tokenizer but {len(ids)} ({shown}): choose shorter words, "
            "or double quotes for a token without a space in front"
        )
    if ids[0] == tokenizer.unk_token_id:
        raise UserError(f"readout: this tokenizer does not know {text!r}")
    return int(ids[0])
