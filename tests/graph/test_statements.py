"""The files of cypher/: what their comments say is what they do, and nothing in them is kept to one store."""

import re

import pytest

from hedonic_graph.errors import UserError
from hedonic_graph.graph import statements

FOLDERS = ("", "schema/", "load/", "delete/", "check/", "browser/", "bench/")
EVERY = [f"{folder}{name}" for folder in FOLDERS for name in statements.names(folder)]
# DESIGN §6.1: what one of the two stores does not know, or logs a deprecation for.
KEPT_OUT = (
    r"\bSHORTEST\b",
    r"\bCYPHER\s+\d",
    r"\bCALL\b",
    r"\b(FULLTEXT|VECTOR)\s+INDEX\b",
    r"\bIS\s+NODE\s+KEY\b",
    r"\bREQUIRE\b.*\bIS\s+NOT\s+NULL\b",
    r";",
)


def body(name: str) -> str:
    return "\n".join(line for line in statements.load(name).text.splitlines() if not line.startswith("//"))


def test_the_queries_that_a_user_is_promised_are_there() -> None:
    lineage = {"splits", "merges", "persistence", "descendants", "ancestors", "fates", "chains", "becomes", "events"}
    flow = {"significant", "strongest", "sankey", "hubs"}
    coalitions = {"coalition", "neuron", "sizes", "ephemeral", "emergent", "features", "synergy"}
    runs = {"runs", "provenance", "compare", "recurring", "elsewhere", "together"}
    assert lineage | flow | coalitions | runs <= set(statements.names())


@pytest.mark.parametrize("name", EVERY)
def test_comments_name_every_parameter_and_a_title(name: str) -> None:
    statement = statements.load(name)
    assert statement.title
    assert {parameter.name for parameter in statement.parameters} == set(re.findall(r"\$(\w+)", body(name)))
    for parameter in statement.parameters:
        parameter.check(parameter.value)


@pytest.mark.parametrize("name", EVERY)
def test_statements_keep_to_what_both_stores_know(name: str) -> None:
    for pattern in KEPT_OUT:
        assert not re.search(pattern, body(name), re.IGNORECASE | re.DOTALL), pattern


@pytest.mark.parametrize("name", statements.names())
def test_queries_say_what_they_answer_and_only_read(name: str) -> None:
    statement = statements.load(name)
    assert statement.answers and statement.empty and statement.columns
    assert all(parameter.meaning for parameter in statement.parameters) and all(statement.columns.values())
    assert statement.wide < statement.columns.keys()
    assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DROP)\b", body(name))


@pytest.mark.parametrize("name", sorted(set(statements.names()) - {"runs", "provenance"}))
def test_queries_read_complete_runs_only(name: str) -> None:
    assert re.search(r"Run \{(id: \$\w+, )?status: 'complete'\}", body(name))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"'splts' \(nearest: splits\)"):
        statements.load("splts")


@pytest.mark.parametrize("name", ["../pyproject", "load/../../x", "", "a b", "/etc/passwd", "load/nothing"])
def test_a_name_is_not_a_path(name: str) -> None:
    with pytest.raises(UserError, match="no query is called"):
        statements.load(name)


def test_a_missing_parameter_is_named_with_an_example() -> None:
    with pytest.raises(UserError, match=r"descendants needs -p coalition=\.\.\., for example -p coalition=demo/"):
        statements.load("descendants").bind({"steps": 2})


def test_an_unknown_parameter_is_named_with_what_there_is() -> None:
    with pytest.raises(UserError, match=r"no parameter 'rum' \(nearest: run\): it takes run"):
        statements.load("splits").bind({"rum": "x"})


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"layer": "seven", "index": 1}, "layer is 'seven': it must be a whole number"),
        ({"layer": 7.5, "index": 1}, "layer is 7.5"),
        ({"layer": True, "index": 1}, "layer is True"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(given: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=re.escape(line)):
        statements.load("neuron").bind(given)


@pytest.mark.parametrize(
    ("name", "given", "line"),
    [
        ("descendants", {"coalition": "a/L01/C0000", "steps": 0}, "steps is 0: it must be 1 or more"),
        ("neuron", {"layer": -1, "index": 3}, "layer is -1: it must be 0 or more"),
        ("strongest", {"by": "flwo"}, "by is 'flwo': it must be one of flow, mass, lift, z, alpha, beta"),
        (
            "recurring",
            {"run": "a", "across": "sed"},
            "across is 'sed': it must be one of seed, valuation, solver, task",
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, given: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(line)}$"):
        statements.load(name).bind(given)


@pytest.mark.parametrize("name", statements.names())
def test_no_whole_number_of_a_query_may_be_negative(name: str) -> None:
    assert [one.name for one in statements.load(name).parameters if one.type == "integer" and one.least is None] == []


def test_values_are_read_as_json_where_the_type_allows() -> None:
    by_name = {parameter.name: parameter for parameter in statements.load("significant").parameters}
    assert by_name["z"].check(by_name["z"].read("4")) == 4.0
    assert by_name["run"].read("7") == "7"
    assert by_name["run"].read('"7"') == "7"
    assert by_name["run"].read("null") is None
    assert by_name["run"].read('say "hi"') == 'say "hi"'


def test_defaults_fill_what_is_left_out() -> None:
    assert statements.load("significant").bind({}) == {"run": None, "z": 3.0}
