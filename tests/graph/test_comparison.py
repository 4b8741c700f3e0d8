"""What is said of a run that is in the graph in another state: which options and tables changed."""

import json
from typing import Any

import pytest

from hedonic_graph.graph.comparison import Present, difference, outcome

CONTENTS = {"valuation": {"7": "a", "8": "b", "9": "c"}, "members": {"7": "d", "8": "e", "9": "f"}}
RUN: dict[str, Any] = {
    "keep": 20,
    "model": "m",
    "task": None,
    "layers": [7, 8, 9],
    "config": json.dumps({"k": 10, "valuation": ["pas"], "text": "pairs.jsonl"}),
    "contents": json.dumps(CONTENTS),
}


def configured(**options: Any) -> dict[str, Any]:
    return RUN | {"config": json.dumps(json.loads(RUN["config"]) | options)}


def holding(**tables: dict[str, str]) -> dict[str, Any]:
    found = {name: layers | tables.get(name, {}) for name, layers in CONTENTS.items()}
    return RUN | {"contents": json.dumps(found)}


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (RUN | {"keep": 5}, "with --keep 20, not 5"),
        (RUN | {"model": "n"}, "with model m, not n"),
        (RUN | {"task": "RM"}, "with task none, not RM"),
        (RUN | {"layers": [7, 8]}, "with layers [7, 8, 9], not [7, 8]"),
        (configured(k=20), "with k 10, not 20"),
        (configured(shares="all"), "with shares none, not all"),
        (configured(valuation=["pas", "oca"]), 'with valuation ["pas"], not ["pas", "oca"]'),
        (configured(text="x" * 90), "with other text"),
        (configured(text="a\nb"), r'with text pairs.jsonl, not "a\nb"'),
        (
            configured(k=1, a=1, b=2, c=3, d=4),
            "with k 10, not 1, a none, not 1, b none, not 2, 2 more options changed",
        ),
        (holding(valuation={"8": "z"}), "with other valuation in layer 8"),
        (holding(members={"7": "z", "9": "z"}), "with other members in layers 7 and 9"),
        (holding(members={"7": "z", "8": "z", "9": "z"}), "with other members in layers 7-9"),
        (holding(valuation={"7": "z"}, members={"7": "z"}), "with other valuation and members in layer 7"),
        (
            holding(valuation={"7": "z"}, members={"7": "z", "8": "z"}) | {"keep": 5},
            "with --keep 20, not 5; other valuation in layer 7; other members in layers 7 and 8",
        ),
        (RUN | {"contents": json.dumps({"members": CONTENTS["members"]})}, "with other content"),
        (
            RUN | {"contents": json.dumps(CONTENTS | {name: {"7": "g", "8": "h"} for name in ("synergy", "drop")})},
            "without synergy and drop in layers 7 and 8",
        ),
        (
            holding(members={"7": "z", "10": "g"}) | {"keep": 5},
            "with --keep 20, not 5; other members in layer 7, without members in layer 10",
        ),
    ],
)
def test_what_changed_is_named(wanted: dict[str, Any], line: str) -> None:
    assert difference(RUN, wanted) == line


@pytest.mark.parametrize("there", [None, "", "[1]", "no JSON"])
def test_a_graph_that_does_not_say_what_it_was_made_of(there: str | None) -> None:
    assert difference(RUN | {"contents": there, "config": there}, RUN | {"config": "{}"}) == "with other content"


@pytest.mark.parametrize(
    ("before", "becomes", "first"),
    [
        (None, "loaded", None),
        (Present("complete", None), "present", False),
        (Present("loading", None), "continued", False),
        (Present("complete", "with other content"), "replaced", True),
        (Present("loading", "with other content"), "loaded", True),
        (Present("deleting", None), "loaded", True),
    ],
)
def test_what_a_load_does_with_what_was_there(before: Present | None, becomes: str, first: bool | None) -> None:
    assert outcome(before) == becomes
    if before is not None:
        assert before.goes_first is first
        # Only what was whole is kept until it is given up by name.
        assert (before.refusal("a/run") is not None) == (becomes == "replaced")
