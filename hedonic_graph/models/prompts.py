"""Prompts as tokens: how many lose their end, and whether the model has a place for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from hedonic_graph.errors import UserError
from hedonic_graph.models.loaded import LoadedModel
from hedonic_graph.models.quiet import quiet


@dataclass(frozen=True)
class Tokenised:
    """The tokens of every prompt, cut to a length."""

    ids: list[list[int]]
    longest: int
    """Tokens of the longest prompt before it was cut."""
    cut: int
    """How many prompts lost their end."""


def tokenise(model: LoadedModel, prompts: Sequence[str], max_tokens: int) -> Tokenised:
    """Tokenise prompts; those of more than ``max_tokens`` tokens lose their end.

    Raises UserError for a token or a position that the model has not, and where two tokens' logits would be
    read in the middle of a prompt that was cut.
    """
    with quiet():
        ids = model.tokenizer(list(prompts))["input_ids"]
        longest, cut = max(map(len, ids)), sum(len(one) > max_tokens for one in ids)
        if cut:
            ids = model.tokenizer(list(prompts), truncation=True, max_length=max_tokens)["input_ids"]
    if cut and model.tokens is not None:
        raise UserError(
            f"readout: {cut} of {len(ids)} prompts have more than {max_tokens} tokens and would be read in their "
            f"middle: give --max-tokens {longest}, or shorter passages"
        )
    rows = len(model.model.get_input_embeddings().weight)
    if (largest := max(max(one) for one in ids)) >= rows:
        raise UserError(
            f"the tokenizer gives token {largest} ({model.tokenizer.convert_ids_to_tokens(largest)!r}), and the "
            f"embedding of {model.weights.name} has {rows}: they do not belong together"
        )
    needed, tokens = max(map(len, ids)), model.model.get_input_embeddings().weight
    # The only other embedding beside the layers is that of positions, where they are learned.
    learned = [one.weight for one in model.backbone.children() if isinstance(one, nn.Embedding)]
    for positions in (one for one in learned if one is not tokens):
        if needed > len(positions):
            raise UserError(
                f"the longest prompt has {needed} tokens, and {model.weights.name} has {len(positions)} positions: "
                f"give --max-tokens {len(positions)}"
            )
    return Tokenised(ids, longest, cut)
