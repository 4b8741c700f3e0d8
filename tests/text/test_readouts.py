"""How a readout and a prompt are written."""

import pytest

from hedonic_graph.errors import UserError
from hedonic_graph.text.pairs import PROMPT, Pair, check_template
from hedonic_graph.text.readouts import TokenPair, parse_readout


@pytest.mark.parametrize(
    ("readout", "tokens"),
    [
        ("score", None),
        ("token: yes - no", TokenPair(" yes", " no")),
        ("token:yes - no", TokenPair(" yes", " no")),
        ('token: "Yes" - "No"', TokenPair("Yes", "No")),
        (r'token: "\n" - " - "', TokenPair("\n", " - ")),
        ("token: well-known - un-known", TokenPair(" well-known", " un-known")),
    ],
)
def test_readouts(readout: str, tokens: TokenPair | None) -> None:
    assert parse_readout(readout) == tokens


@pytest.mark.parametrize(
    ("readout", "says"),
    [
        ("scores", "write score, or 'token: yes - no'"),
        ("token: yes", "write score, or"),
        ("token: yes no", "write score, or"),
        ("token: yes - no - maybe", "write score, or"),
        ('token: "yes - no', "write score, or"),
        (r'token: "\q" - no', "cannot be read: Invalid"),
        ("token: yes - yes", "two different tokens"),
        ('token: "" - no', "two different tokens"),
    ],
)
def test_readouts_that_cannot_be_read(readout: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        parse_readout(readout)


def test_templates() -> None:
    pair = Pair("what {is} it", "a {passage}")
    assert pair.prompt == pair.fill(PROMPT) == "query: what {is} it, passage: a {passage}"
    for template in (PROMPT, "{passage}\n{{{query}}}\n", "{passage}{passage}"):
        check_template(template)
    assert pair.fill("{passage}\n{{{query}}}") == "a {passage}\n{what {is} it}"
    for template in ("", "no field", "{query} {", "{query} {other}", "{0}", "{query!r}", "{query:>9}", "{query.text}"):
        with pytest.raises(UserError, match="prompt"):
            check_template(template)
