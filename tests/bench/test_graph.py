"""``bench graph`` from end to end, on both stores, and what it leaves behind: nothing."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from graph.conftest import Drawing, snapshot

from hedonic_graph.bench import graph, loading
from hedonic_graph.bench.questions import Effort
from hedonic_graph.bench.synthetic import Scale
from hedonic_graph.cli import main
from hedonic_graph.errors import UserError
from hedonic_graph.graph import keeper, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Address, Store

TINY = Scale(layers=2, neurons=64, coalitions=16, edges=60)
PLAN = graph.Plan(TINY, TINY, Effort(starts=4, repeats=2))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", "graph", *arguments])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "QUICK", PLAN)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load without processes of its own, which take a while to start."""
    monkeypatch.setattr(graph, "load", loading.run)


def left(store: Store) -> list[Any]:
    """What the graph holds of any bench."""
    statement = "MATCH (n) WHERE coalesce(n.id, n.name) STARTS WITH 'bench-' RETURN labels(n), n.id"
    return store.read(statement).values


def test_the_command_measures_and_leaves_what_was_there(
    quick: None, store: Store, arguments: list[str], drawing: Drawing
) -> None:
    drawn = drawing()
    ingest(drawn, store)
    before = snapshot(store, drawn)
    result = run("--quick", "--plain", "--json", *arguments, "--edges", "50")
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads(result.stdout)
    assert found["bench"] == "graph"
    assert found["scale"] == {"layers": 2, "neurons": 64, "coalitions": 16, "edges": 50, "seed": 0}
    assert [one["loader"] for one in found["loads"]] == ["plain", "ours"]
    assert len({one["rows"] for one in found["loads"]}) == 1
    assert found["loads"][0]["rows"] > 128 + 3 * 128 + 128 + 16 + 50
    for one in found["loads"]:
        assert one["rows_per_second"] == pytest.approx(one["rows"] / one["seconds"])
        assert 20e6 < one["before"] < one["peak"] < 2e9
    assert found["ratio"] > 0
    assert [one["query"] for one in found["queries"]] == statements.names()
    for one in found["queries"]:
        assert 0 < one["p50"] <= one["p95"]
        assert one["calls"] == (4 if one["from_coalition"] or one["query"] == "neuron" else 2)
    answers = {one["query"]: one["rows"] for one in found["queries"]}
    assert answers["runs"] >= 2
    assert answers["fates"] == 1
    assert answers["coalition"] >= 1
    assert found["server"].startswith("Neo4j/")
    assert found["machine"]["cores"] >= 1
    assert snapshot(store, drawn) == before
    assert left(store) == []


def test_what_goes_wrong_on_the_way_leaves_nothing(
    quick: None, in_process: None, store: Store, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UserError("the power went")

    monkeypatch.setattr(graph, "measure", fail)
    result = run("--quick", "--no-plain", *arguments)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, "Error: the power went")
    assert left(store) == []


def test_ctrl_c_takes_out_what_was_loaded(store: Store, address: Address, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "hedonic_graph.cli", "bench", "graph", "--neurons", "4096", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        _wait(lambda: left(store))
        # As a terminal does: to the command and to the process that loads.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted." in errors
    assert "Traceback" not in errors
    assert left(store) == []


def test_an_embedded_store_of_its_own_is_gone_afterwards(quick: None, in_process: None, tmp_path: Path) -> None:
    folder, file = tmp_path / "new", tmp_path / "measured.json"
    result = run("--quick", "--store", str(folder), "--repeat", "2", "--json", str(file))
    assert result.exit_code == 0, (result.output, result.exception)
    assert [one["loader"] for one in json.loads(file.read_text())["loads"]] == ["ours", "ours"]
    assert "p95 of those that start at one coalition" in result.stdout
    assert not folder.exists()
    assert keeper.status(folder) is None


def test_a_load_that_the_server_refuses_says_why_in_one_line(address: Address, tmp_path: Path) -> None:
    if address.uri is None:
        (tmp_path / "file").touch()
        wrong = Address(folder=tmp_path / "file")
    else:
        wrong = Address(address.uri, address.user, "not the password")
    with pytest.raises(UserError) as caught:
        loading.load(loading.Task(wrong, "ours", TINY, f"bench-{uuid.uuid4().hex}"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--coalitions", "3", "--store", "new"], "Error: coalitions is 3"),
        (["--edges", "9000000", "--store", "new"], "Error: edges is 9,000,000"),
        (["--layers", "1", "--store", "new"], "Error: layers is 1"),
        (["--json", "nowhere/file", "--store", "new"], "there is no folder nowhere"),
        (["--uri", "bolt://127.0.0.1:1"], "Error: no server at bolt://127.0.0.1:1"),
        (["--neurons", "0"], "0 is not in the range"),
    ],
)
def test_what_the_user_can_put_right_is_said_in_a_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("--quick", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def _wait(ready: Callable[[], Any]) -> None:
    until = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.05)
