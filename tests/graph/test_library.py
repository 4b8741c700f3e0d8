"""The library as a whole: each query has a drawing with its rows, and none of them sees a run that is not whole."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph.kin import KIN
from graph.sketch import Asked, sketched

from hedonic_graph.graph import catalogue, statements
from hedonic_graph.graph.statements import Statement
from hedonic_graph.graph.store import Store

ASK = {"ask", "draw"}


def compared(source: str) -> set[str]:
    """Names of the queries that the tests in a module ask for, each beside rows that are written there."""
    found = set()
    for test in ast.walk(ast.parse(source)):
        if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
            continue
        held = [one for one in ast.walk(test) if isinstance(one, ast.Assert) and _to_rows(one.test)]
        for call in ast.walk(test):
            if held and isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ASK:
                found |= {one.value for one in call.args if isinstance(one, ast.Constant)}
    return found


def _to_rows(test: ast.expr) -> bool:
    """Say whether something is compared with a value that is not just an empty list."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.ops[0], ast.Eq)
        and not (isinstance(test.comparators[-1], ast.List) and not test.comparators[-1].elts)
    )


def test_every_query_is_tested_on_a_drawing() -> None:
    here = Path(__file__).parent
    modules = [*here.glob("test_queries*.py"), here / "test_drawings.py"]
    tested = set().union(*(compared(module.read_text(encoding="utf-8")) for module in modules))
    assert [name for name in statements.names() if name not in tested] == []


def test_what_is_not_compared_with_rows_is_no_test_of_a_query() -> None:
    assert compared('def test_a(ask):\n    assert ask("splits", run="r") == [("r", 1)]') == {"splits"}
    assert compared('def test_a(ask):\n    rows = ask("splits")\n    assert rows[:1] == [("r", 1)]') == {"splits"}
    assert compared('def test_a(ask):\n    assert ask("splits") == []') == set()
    assert compared('def test_a(ask):\n    assert len(ask("splits"))') == set()
    assert compared('def helper(ask):\n    assert ask("splits") == [1]') == set()
    assert compared('def test_a(ask):\n    name = "splits"\n    assert ask(name) == [1]') == set()


def test_the_list_holds_every_query_once_in_lines_that_fit() -> None:
    lines = catalogue.listing().splitlines()
    assert max(map(len, lines)) <= 120
    assert sorted(line.split()[0] for line in lines if line.startswith("  ")) == statements.names()
    assert [line for line in lines if line in catalogue.GROUPS] == list(catalogue.GROUPS)
    answers = [one.answers for one in catalogue.library()]
    assert all(one[0].isupper() and one[-1] in "?." for one in answers) and len(set(answers)) == len(answers)


@pytest.mark.parametrize("name", statements.names())
def test_an_explanation_tells_all_of_a_query(name: str) -> None:
    statement = statements.load(name)
    text = catalogue.explanation(statement)
    assert text.startswith(f"{statement.title}\n\n{statement.answers}\n")
    for parameter in statement.parameters:
        assert f"\n  {parameter.name} " in text and parameter.meaning.removesuffix(".") in text
    for column, meaning in statement.columns.items():
        assert f"\n  {column} " in text and meaning in text


WHOLE, PARTIAL = "one/pas.exact", "one/pas.pac.1"


@pytest.fixture(scope="module")
def ask(store: Store) -> Iterator[Asked]:
    with sketched(store, ("one", "CQTR", {"pas.exact": KIN, "pas.pac.0": KIN, "pas.pac.1": KIN})) as ask:
        yield ask


@pytest.mark.parametrize("status", ["loading", "deleting"])
@pytest.mark.parametrize("name", sorted(set(statements.names()) - {"runs", "provenance"}))
def test_no_query_sees_a_run_that_is_not_whole(store: Store, ask: Asked, name: str, status: str) -> None:
    statement = statements.load(name)
    calls = asked_of(statement, f"{ask.tag}/{PARTIAL}", f"{ask.tag}/{WHOLE}")
    assert calls
    for values in calls:
        assert sees(store, statement, values, f"{ask.tag}/{PARTIAL}"), values
    put = "MATCH (r:Run {id: $run}) SET r.status = $status"
    store.write(put, {"run": f"{ask.tag}/{PARTIAL}", "status": status})
    try:
        for values in calls:
            assert not sees(store, statement, values, f"{ask.tag}/{PARTIAL}"), values
    finally:
        store.write(put, {"run": f"{ask.tag}/{PARTIAL}", "status": "complete"})


def asked_of(statement: Statement, run: str, other: str) -> list[dict[str, Any]]:
    """Every way to come upon ``run``: by its name, from ``other``, and among all runs."""
    names = {parameter.name for parameter in statement.parameters}
    between = statement.group == "between runs"
    if "other" in names:
        calls = [{"run": run, "other": other}, {"run": other, "other": run}]
    elif "coalition" in names:
        calls = [{"coalition": f"{one}/L03/C0001"} for one in ([run, other] if between else [run])]
    elif "run" in names:
        required = any(parameter.name == "run" and parameter.required for parameter in statement.parameters)
        calls = [{"run": run}, {"run": other} if between else {} if not required else {"run": run}]
    elif "runs" in names:
        calls = [{}, {"runs": [run, other]}]
    else:
        calls = [{"layer": 3, "index": 5} if "index" in names else {}]
    large = {"limit": 1_000_000} if "limit" in names else {}
    return [statement.bind(call | large) for call in calls]


def sees(store: Store, statement: Statement, values: dict[str, Any], run: str) -> bool:
    """Say whether an answer knows of the run: it has rows where the run was asked for, or rows that name it."""
    rows = store.read(statement.text, values).values
    return bool(rows) if run in repr(values) else run in repr(rows)


@pytest.mark.parametrize("group", catalogue.GROUPS)
def test_the_readme_lists_every_query_of_a_group(group: str) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [row] = [line for line in readme.splitlines() if line.startswith(f"| {group} |")]
    assert sorted(re.findall("`([^`]+)`", row)) == [one.name for one in catalogue.library() if one.group == group]
