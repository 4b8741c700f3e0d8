"""What a configuration accepts."""

from dataclasses import asdict, fields
from typing import Any

import pytest

from hedonic_graph.config import Config, ImportConfig, imported, parse_layers, show_layers
from hedonic_graph.errors import UserError


def config(**change: Any) -> Config:
    return Config(**({"model": "m", "text": "t", "layers": (7, 8)} | change))


def test_runs_are_every_combination_and_exact_has_no_seed() -> None:
    runs = config(valuation=("pas", "oca"), solver=("exact", "pac"), seed=(0, 5)).runs
    expected = ["pas.exact", "pas.pac.0", "pas.pac.5", "oca.exact", "oca.pac.0", "oca.pac.5"]
    assert [run.id for run in runs] == expected


def test_layers() -> None:
    assert parse_layers("7-9") == (7, 8, 9)
    assert parse_layers("0, 2-3,9") == (0, 2, 3, 9)
    for wrong in ("", "7-", "9-7", "a", "7 8", "-1"):
        with pytest.raises(UserError, match="cannot be read"):
            parse_layers(wrong)
    for text in ("7-9", "0,2-3,9", "4"):
        assert show_layers(parse_layers(text)) == text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"solver": ("exakt",)}, "solver 'exakt' is none of exact, pac, consensus, random, kmeans, ward, leiden"),
        ({"layers": ()}, "no layers"),
        ({"layers": (8, 7)}, "ascending"),
        ({"layers": (7, 7)}, "each named once"),
        ({"seed": (1, 1)}, "seed: name at least one, and each once"),
        ({"k": 0}, "k must be at least 1, not 0"),
        ({"samples": 0}, "samples must be at least 1"),
        ({"kmin": 5, "kmax": 4}, "kmax 4 is below kmin 5"),
        ({"delta": 1.0}, "delta must lie between 0 and 1"),
        ({"solver": ("random",)}, "name one beside it"),
        (
            {"solver": ("ward", "kmeans")},
            "solver ward takes the number of its coalitions from another solver: name one",
        ),
        ({"leiden_resolution": 0.0}, "leiden-resolution must be above 0, not 0.0"),
        ({"adapter": "a", "tuned": "b"}, "an adapter or a tuned model, not both"),
        ({"readout": "yes"}, "write score, or 'token: yes - no'"),
        ({"prompt": "{question}"}, "must hold {query}, {passage} or both"),
    ],
)
def test_mistakes(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        config(**change)


def test_choices_are_those_of_the_rooms() -> None:
    """The table of choices stands in the configuration so that help needs no torch; it must not drift."""
    from hedonic_graph.config import CHOICES
    from hedonic_graph.game.reservoir import RETAINS
    from hedonic_graph.game.sampling import SAMPLERS
    from hedonic_graph.game.top_cover import EMITS
    from hedonic_graph.game.utility import UTILITIES
    from hedonic_graph.lineage.events import EVENTS
    from hedonic_graph.lineage.shares import SHARES

    rooms = {"retain": RETAINS, "sampler": SAMPLERS, "emit": EMITS, "utility": UTILITIES}
    rooms |= {"events": EVENTS, "shares": SHARES}
    for name, values in rooms.items():
        assert set(CHOICES[name]) == set(values)


def test_every_solver_of_the_table_can_solve_and_its_options_exist() -> None:
    from hedonic_graph.pipeline.solving import _SOLVE
    from hedonic_graph.solvers import SOLVERS

    assert set(SOLVERS) == set(_SOLVE)
    known = {field.name for field in fields(Config)}
    assert all(set(solver.options) <= known for solver in SOLVERS.values())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, r"how many neurons has a layer\? Give --neurons N, or --model"),
        ({"text": "t"}, "--text without --model"),
        ({"adapter": "a", "neurons": 4}, "--adapter without --model"),
        ({"tuned": "a", "neurons": 4}, "--tuned without --model"),
        ({"neurons": 0}, "neurons must be at least 1"),
        ({"model": "m", "mass": "residual"}, "--mass needs --model and --text"),
        ({"neurons": 4, "min_size": 3}, "--min-size needs --model and --text"),
        ({"neurons": 4, "first": 3}, "--from needs --model and --text"),
        ({"model": "m", "text": "t", "mass": "effects"}, "mass 'effects' is none of"),
        ({"model": "m", "text": "t", "shuffles": 0}, "shuffles must be at least 1"),
    ],
)
def test_mistakes_of_an_import(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        ImportConfig(layers=(7, 8), **change)


def test_an_import_says_only_what_had_a_say() -> None:
    assert set(ImportConfig(layers=(7,), neurons=4).parameters()) == {
        *("layers", "adapter", "tuned", "task", "model", "text", "neurons")
    }
    followed = ImportConfig(layers=(7,), model="m", text="t")
    assert set(followed.parameters()) == set(asdict(followed))
    assert (followed.reference, followed.readout, followed.all_tokens) == ("zero", None, False)
    assert ImportConfig(layers=(7,), model="m", adapter="a").reference == "base"
    assert ImportConfig(layers=(7,), model="m", tuned="t").reference == "base"


@pytest.mark.parametrize("name", ["seed0", "0", "pas-v1.2_b+c", "größe", "x" * 64])
def test_names_of_imports(name: str) -> None:
    assert imported(name).id == f"imported.{name}"
    assert imported().id == "imported"


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "a\\b", "a b", "a\n", "x" * 65, "\x00"])
def test_names_that_could_be_no_file(name: str) -> None:
    with pytest.raises(UserError, match="at most 64 letters, digits"):
        imported(name)
