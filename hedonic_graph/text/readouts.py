"""How ``--readout`` is written: ``score``, or the difference of two tokens' logits (DESIGN §3.2)."""

import json
import re
from dataclasses import dataclass

from hedonic_graph.errors import UserError

SCORE = "score"

_WORD = r'"(?:[^"\\]|\\.)*"|[^\s"]\S*'
_TOKENS = re.compile(rf"token:\s*(?P<plus>{_WORD})\s+-\s+(?P<minus>{_WORD})\s*")


@dataclass(frozen=True)
class TokenPair:
    """The texts of the two tokens, as they follow the prompt: with the space before a word."""

    plus: str
    minus: str


def parse_readout(readout: str) -> TokenPair | None:
    """Read ``token: yes - no``; None for ``score``. Raises UserError for anything else.

    A bare word is the token that goes on after a space (``" yes"``); between double quotes, as a JSON string,
    stands exactly what follows the prompt (``"Yes"``).
    """
    if readout == SCORE:
        return None
    match = _TOKENS.fullmatch(readout.strip())
    if match is None:
        raise UserError(f"readout {readout!r} cannot be read: write score, or 'token: yes - no'")
    try:
        plus, minus = (json.loads(word) if word.startswith('"') else f" {word}" for word in match.groups())
    except json.JSONDecodeError as error:
        raise UserError(f"readout {readout!r} cannot be read: {error.msg}") from error
    try:
        (plus + minus).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"readout {readout!r} cannot be read: half of a surrogate pair is no text") from error
    if not plus or not minus or plus == minus:
        raise UserError(f"readout {readout!r} needs two different tokens")
    return TokenPair(plus, minus)
