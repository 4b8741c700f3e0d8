"""Work in another process: answers in order, mistakes in one line, an end that is told."""

import json
from pathlib import Path

import pytest

from hedonic_graph.bench.process import Worker, ask
from hedonic_graph.errors import UserError

MODULE = """
import json, os
from hedonic_graph.bench.process import answer
from hedonic_graph.errors import UserError

def work(question):
    if question.strip() == "mistake":
        raise UserError("that is none")
    if question.strip() == "die":
        os._exit(3)
    return {"asked": json.loads(question), "process": os.getpid()}

answer(work)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "answers_here.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    return "answers_here"


def test_one_process_answers_one_question_after_the_other(module: str) -> None:
    with Worker(module) as worker:
        first, second = (worker.ask(json.dumps({"n": n})) for n in (1, 2))
    assert [first["asked"], second["asked"]] == [{"n": 1}, {"n": 2}]
    assert first["process"] == second["process"]


def test_a_mistake_is_told_and_the_next_question_answered(module: str) -> None:
    with Worker(module) as worker:
        with pytest.raises(UserError, match=r"^that is none$"):
            worker.ask("mistake")
        assert worker.ask("7")["asked"] == 7


def test_a_process_that_ends_is_told_by_its_code(module: str) -> None:
    with pytest.raises(RuntimeError, match="answers_here ended with 3"):
        ask(module, "die")
