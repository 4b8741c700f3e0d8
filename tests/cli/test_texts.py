"""Mistakes in a text, as a user of each command that reads one meets them: one line, and nothing left behind."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tuning.making import save_positives

from hedonic_graph.cli import main

PASSAGES = [{"docid": f"d{number}", "text": f"neuron value {number}"} for number in range(4)]
FILES = {
    "queries.tsv": "7\twhat is a game\n3\tneuron café\n",
    "passages.jsonl": "".join(json.dumps(one) + "\n" for one in PASSAGES),
    "run.mine.txt": "7 Q0 d0 1 2.0 a\n7 Q0 d1 2 1.0 a\n3 Q0 d2 1 2.0 a\n3 Q0 d3 2 1.0 a\n",
    "qrels.txt": "7 0 d0 2\n3 0 d2 1\n",
}
LONG = "9" * 5000


def dumped(**values: object) -> str:
    return json.dumps(values) + "\n"


MISTAKES: list[tuple[str, str | bytes, str]] = [
    ("queries.tsv", "7\twhat\n7\tgame\n", "queries.tsv, line 2: query 7 stands there twice"),
    ("queries.tsv", "7\twhat\n3\t \n", "queries.tsv, line 2: expected a query id, a tab and the query"),
    ("queries.tsv", "7\twhat\n", "the run has query 3, which queries.tsv lacks"),
    ("queries.tsv", FILES["queries.tsv"].encode("latin-1"), "queries.tsv, line 2: cannot be read as UTF-8 text"),
    ("queries.tsv", FILES["queries.tsv"].encode("utf-16"), "queries.tsv, line 1: cannot be read as UTF-8 text"),
    (
        "queries.tsv",
        FILES["queries.tsv"].encode("utf-16-le"),
        "line 1: cannot be read as UTF-8 text: it holds zero",
    ),
    ("run.mine.txt", "\n", "holds no pairs of a query and a passage"),
    ("run.mine.txt", "7 Q0 d9 1 2.0 a\n", "the run has passage d9, which passages.jsonl lacks"),
    ("run.mine.txt", "7 Q0 d0 1 2 a\n7 Q0 d0 2 1 a\n", "run.mine.txt, line 2: passage d0 stands there twice"),
    ("run.mine.txt", f"7 Q0 d0 {LONG} 2.0 a\n", "run.mine.txt, line 1: expected query, Q0, passage, rank"),
    ("run.mine.txt", FILES["run.mine.txt"].encode("utf-16"), "run.mine.txt, line 1: cannot be read as UTF-8 text"),
    ("passages.jsonl", dumped(docid="d0", text=" "), "passages.jsonl, line 1: passage d0 is empty"),
    ("passages.jsonl", dumped(docid="d0", text="a") * 2, "passages.jsonl, line 2: passage d0 stands there twice"),
    ("passages.jsonl", dumped(docid="d0", text="\ud83d"), "passages.jsonl, line 1: holds half a character"),
    ("passages.jsonl", '{"docid": "d0", "text"\n', "passages.jsonl, line 1: not JSON"),
    ("passages.jsonl", '{"docid": ' + LONG + "}\n", "passages.jsonl, line 1: not JSON"),
    ("passages.jsonl", "[" * 100_000 + "\n", "passages.jsonl, line 1: not JSON"),
    ("passages.jsonl", '{"docid": "d0", "text": "café"}\n'.encode("latin-1"), "line 1: cannot be read as UTF-8 text"),
]
JUDGED: list[tuple[str, str | bytes, str]] = [
    ("qrels.txt", "1 0 d0 2\n", "none of the 2 queries of the run has a judgement"),
    ("qrels.txt", "\n", "qrels.txt holds no judgements"),
    ("qrels.txt", "7 0 d0 11\n", "qrels.txt, line 1: grade 11 is outside 0 to 10"),
    ("qrels.txt", "7 0 d0 -1\n", "qrels.txt, line 1: grade -1 is outside 0 to 10"),
    ("qrels.txt", "7 0 d0 0.5\n", "qrels.txt, line 1: expected query, 0, passage, grade"),
    ("qrels.txt", "7 0 d0 1\n7 0 d0 1\n", "qrels.txt, line 2: passage d0 is judged twice for query 7"),
    ("qrels.txt", FILES["qrels.txt"].encode("utf-16"), "qrels.txt, line 1: cannot be read as UTF-8 text"),
]
PAIRS: list[tuple[str | bytes, str]] = [
    (dumped(query="a", passage=" "), "line 1: empty query or passage"),
    (dumped(query="a", passage="b", qid=1, docid=2) * 2, "line 2: passage 2 stands there twice for query 1"),
    (dumped(query="a", passage="\udc00"), "line 1: holds half a character"),
    (dumped(query="a", passage="b").encode("utf-16"), "line 1: cannot be read as UTF-8 text"),
]


def complain(folder: Path, *arguments: object) -> str:
    """Run a command on a mistake and return its one line; no file may be new."""
    before = sorted(folder.rglob("*"))
    done = CliRunner().invoke(main, [str(one) for one in (*arguments, "-o", folder / "out")])
    assert done.exit_code == 2, done.output
    assert sorted(folder.rglob("*")) == before
    *_, line = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "trec"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(("file", "content", "says"), MISTAKES, ids=[says for *_, says in MISTAKES])
def test_in_a_folder(
    file: str, content: str | bytes, says: str, text: Path, tiny_base: Path, tiny_adapter: Path
) -> None:
    write(text / file, content)
    looked_at = ("--model", tiny_base, "--adapter", tiny_adapter, "--text", text, "--layers", "1-2")
    for command in ("analyze", "probe"):
        assert says in complain(text.parent, command, *looked_at)
    assert says in complain(text.parent, *tuned(text, tiny_base, "cqtr"))


@pytest.mark.parametrize(("file", "content", "says"), JUDGED, ids=[says for *_, says in JUDGED])
def test_in_judgements(file: str, content: str | bytes, says: str, text: Path, tiny_base: Path) -> None:
    write(text / file, content)
    assert says in complain(text.parent, *tuned(text, tiny_base, "rm"))


@pytest.mark.parametrize(("content", "says"), PAIRS, ids=[says for *_, says in PAIRS])
def test_in_a_file_of_pairs(
    content: str | bytes, says: str, tmp_path: Path, tiny_base: Path, tiny_adapter: Path
) -> None:
    write(tmp_path / "pairs.jsonl", content)
    looked_at = ("--model", tiny_base, "--adapter", tiny_adapter, "--text", tmp_path / "pairs.jsonl", "--layers", "1")
    for command in ("analyze", "probe"):
        assert f"pairs.jsonl, {says}" in complain(tmp_path, command, *looked_at)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (dumped(qid=1, query="a", positive=" "), "line 1: empty query or positive"),
        (dumped(qid=1, query="a", positive="b") * 2, "line 2: query 1 stands there twice"),
        (dumped(qid=1, query="\ud800", positive="b"), "line 1: holds half a character"),
        (dumped(qid=1, query="a", positive="b").encode("utf-16"), "line 1: cannot be read as UTF-8 text"),
    ],
)
def test_in_a_training_text(content: str | bytes, says: str, tmp_path: Path, tiny_base: Path) -> None:
    write(tmp_path / "pairs.jsonl", content)
    learned = ("--text", tmp_path / "pairs.jsonl", "--layers", "1", "--device", "cpu")
    assert f"pairs.jsonl, {says}" in complain(tmp_path, "finetune", "--model", tiny_base, "--task", "rm", *learned)


def tuned(text: Path, base: Path, task: str) -> tuple[object, ...]:
    """A small finetune that is scored on ``text``."""
    positives = save_positives(text.parent / "positives.jsonl")
    learned = ("--model", base, "--task", task, "--text", positives, "--layers", "1-2", "--held-out", 6)
    return ("finetune", *learned, "--negatives", 3, "--device", "cpu", "--evaluate-text", text)
