"""Texts named as in ir_datasets: a small one of this machine, registered as its users register theirs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import ir_datasets
import pytest

from hedonic_graph.errors import UserError
from hedonic_graph.text.pairs import Pair, load_pairs, load_qrels

RUN = "7 Q0 d2 1 9.0 a\n7 Q0 d0 2 8.0 a\n"


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Path]:
    """``here/small``: two queries, three documents, scored ones for both queries, judgements for one."""
    (tmp_path / "docs.tsv").write_text("d0\tzero\nd1\tone\nd2\ttwo\n")
    (tmp_path / "queries.tsv").write_text("7\twhat is a game\n3\tneuron\n")
    (tmp_path / "scored.txt").write_text("3 d1 5.0\n7 d0 1.0\n7 d1 2.0\n7 d2 1.0\n")
    (tmp_path / "qrels.txt").write_text("7 0 d1 3\n7 0 d0 -2\n")
    (tmp_path / "run.txt").write_text(RUN)
    local, formats = ir_datasets.util.LocalDownload, ir_datasets.formats
    parts = {
        "docs": formats.TsvDocs(local(tmp_path / "docs.tsv")),
        "queries": formats.TsvQueries(local(tmp_path / "queries.tsv")),
        "scored": formats.TrecScoredDocs(local(tmp_path / "scored.txt")),
        "qrels": formats.TrecQrels(local(tmp_path / "qrels.txt"), {}),
    }
    kinds = {"small": tuple(parts), "unranked": ("docs", "queries"), "only-docs": ("docs",)}
    for name, kept in kinds.items():
        ir_datasets.registry.register(f"here/{name}", ir_datasets.Dataset(*(parts[one] for one in kept)))
    yield tmp_path
    for name in kinds:
        del ir_datasets.registry._registered[f"here/{name}"]


def test_scored_documents_by_score(dataset: Path) -> None:
    pairs = load_pairs(Path("here/small"))
    assert pairs[0] == Pair("what is a game", "one", "7", "d1")
    assert [(pair.qid, pair.docid) for pair in pairs] == [("7", "d1"), ("7", "d0"), ("7", "d2"), ("3", "d1")]
    assert [pair.docid for pair in load_pairs(Path("here/small"), depth=1)] == ["d1", "d1"]


def test_the_passages_of_a_run(dataset: Path) -> None:
    pairs = load_pairs(Path("here/unranked"), run=str(dataset / "run.txt"))
    assert [(pair.qid, pair.passage) for pair in pairs] == [("7", "two"), ("7", "zero")]


def test_judgements(dataset: Path) -> None:
    assert load_qrels(Path("here/small")) == {"7": {"d1": 3, "d0": 0}}
    (dataset / "qrels.txt").write_text("7 0 d1 2\n")
    assert load_qrels(dataset) == {"7": {"d1": 2}}


def test_mistakes(dataset: Path) -> None:
    with pytest.raises(UserError, match=r"no text at here/nothing: .* or a name that ir_datasets knows"):
        load_pairs(Path("here/nothing"))
    with pytest.raises(UserError, match="here/unranked ranks no passages in ir_datasets: give a run's file with --run"):
        load_pairs(Path("here/unranked"))
    with pytest.raises(UserError, match="here/only-docs has no queries in ir_datasets"):
        load_pairs(Path("here/only-docs"))
    with pytest.raises(UserError, match="here/unranked has no judgements in ir_datasets"):
        load_qrels(Path("here/unranked"))
    with pytest.raises(UserError, match=r"docs\.tsv holds pairs without judgements"):
        load_qrels(dataset / "docs.tsv")
    (dataset / "run.txt").write_text(RUN + "8 Q0 d0 1 1.0 a\n")
    with pytest.raises(UserError, match="the run has query 8, which here/unranked lacks"):
        load_pairs(Path("here/unranked"), run=str(dataset / "run.txt"))
    (dataset / "run.txt").write_text(RUN + "7 Q0 d9 3 1.0 a\n")
    with pytest.raises(UserError, match="the run has passage d9, which here/unranked lacks"):
        load_pairs(Path("here/unranked"), run=str(dataset / "run.txt"))
    (dataset / "scored.txt").unlink()
    with pytest.raises(UserError, match=r"here/small cannot be read by ir_datasets: .*scored"):
        load_pairs(Path("here/small"))


@pytest.mark.parametrize(("file", "says"), [("docs.tsv", "passage d1 is empty"), ("queries.tsv", "query 3 is empty")])
def test_empty_texts(dataset: Path, file: str, says: str) -> None:
    text = (dataset / file).read_text()
    (dataset / file).write_text(text.replace("one", " ").replace("neuron", " "))
    with pytest.raises(UserError, match=f"here/small: {says}"):
        load_pairs(Path("here/small"))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(UserError, match=r'no text at here/small: .* pip install "hedonic-graph\[text\]"'):
        load_pairs(Path("here/small"))
