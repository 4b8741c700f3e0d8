"""Examples as tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.models.quiet import quiet
from hedonic_graph.text.pairs import Pair
from hedonic_graph.tuning.examples import Example


@dataclass(frozen=True)
class Encoded:
    """An example whose prompts are tokens."""

    example: Example
    prompts: tuple[list[int], ...]

    @property
    def length(self) -> int:
        """Tokens of the longest prompt."""
        return max(map(len, self.prompts))


def encode(
    examples: Sequence[Example], tokenizer: Any, template: str, max_tokens: int, *, cut: bool
) -> tuple[list[Encoded], int]:
    """Tokenise examples; says how many of them were longer than ``max_tokens``.

    Those lose the end of their long prompts where ``cut``, and are left out otherwise. Raises UserError where
    that leaves none.
    """
    pairs = [Pair(one.query, passage).fill(template) for one in examples for passage in one.passages]
    tokens = iter(tokens_of(pairs, tokenizer))
    encoded: list[Encoded] = []
    long = 0
    for example in examples:
        prompts = [next(tokens) for _ in example.passages]
        if max(map(len, prompts)) > max_tokens:
            long += 1
            if not cut:
                continue
        encoded.append(Encoded(example, tuple(prompt[:max_tokens] for prompt in prompts)))
    if not encoded:
        raise UserError(f"every prompt has more than {max_tokens} tokens: give a larger --max-tokens")
    return encoded, long


def tokens_of(prompts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Token numbers of each prompt."""
    with quiet():
        found: list[list[int]] = tokenizer(list(prompts))["input_ids"]
    return found
