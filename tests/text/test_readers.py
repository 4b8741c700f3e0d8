"""Readers of pairs: JSON lines, and folders of TREC files."""

import gzip
import json
from pathlib import Path

import pytest
from text.shared import TREC_DL_19

from hedonic_graph.errors import UserError
from hedonic_graph.text.labels import covered_query_term_ratio, mean_tf_per_length, terms
from hedonic_graph.text.pairs import Pair, load_pairs, write_pairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two queries; run ``a`` ranks three passages for the first and one for the second, run ``b`` one."""
    (tmp_path / "queries.tsv").write_text("7\twhat is a game\n3\tneuron\n")
    passages = [{"docid": f"d{number}", "text": f"passage {number}"} for number in range(5)]
    with gzip.open(tmp_path / "passages.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(passage) + "\n" for passage in passages)
    (tmp_path / "run.a.txt").write_text("3 Q0 d4 1 9.0 a\n7 Q0 d2 2 8.0 a\n7 Q0 d0 1 9.0 a\n7 Q0 d1 3 7.0 a\n")
    (tmp_path / "run.b.txt").write_text("7 Q0 d3 1 1.0 b\n")
    return tmp_path


def ids(pairs: list[Pair]) -> list[tuple[str | None, str | None]]:
    return [(pair.qid, pair.docid) for pair in pairs]


def test_queries_in_file_order_and_passages_by_rank(folder: Path) -> None:
    pairs = load_pairs(folder, run="a")
    assert ids(pairs) == [("7", "d0"), ("7", "d2"), ("7", "d1"), ("3", "d4")]
    assert pairs[0] == Pair("what is a game", "passage 0", "7", "d0")
    assert pairs[0].prompt == "query: what is a game, passage: passage 0"


def test_depth_and_sample(folder: Path) -> None:
    assert ids(load_pairs(folder, run="a", depth=1)) == [("7", "d0"), ("3", "d4")]
    drawn = {tuple(ids(load_pairs(folder, run="a", sample=1, first=2, seed=seed))) for seed in range(20)}
    assert drawn == {(("7", "d0"), ("3", "d4")), (("7", "d2"), ("3", "d4"))}
    assert load_pairs(folder, run="a", sample=2, seed=3) == load_pairs(folder, run="a", sample=2, seed=3)
    assert len(load_pairs(folder, run="a", sample=99)) == 4


def test_json_lines_go_out_and_come_back(tmp_path: Path) -> None:
    pairs = [Pair("naïve\tquery", "a “passage”\nwith lines", "1", "x"), Pair("q", "p")]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert load_pairs(tmp_path / "pairs.jsonl") == pairs


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("queries.tsv", "7 no tab\n", r"queries\.tsv, line 1: expected a query id, a tab"),
        ("queries.tsv", "\tno id\n", r"queries\.tsv, line 1: expected a query id, a tab"),
        ("queries.tsv", "7\ta\n7\tb\n", r"line 2: query 7 stands there twice"),
        ("queries.tsv", "3\tneuron\n", r"the run has query 7, which queries\.tsv lacks"),
        ("run.a.txt", "7 Q0 d0 first 1.0 a\n", r"run\.a\.txt, line 1: expected query, Q0"),
        ("run.a.txt", "7 Q0 d0 1 1.0 a\n7 Q0 d0 2 1.0 a\n", "line 2: passage d0 stands there twice for query 7"),
        ("run.a.txt", "7 Q0 d9 1 1.0 a\n", r"the run has passage d9, which passages\.jsonl\.gz lacks"),
        ("run.a.txt", "", "holds no pairs"),
        ("passages.jsonl", '{"docid": "d0"}\n', r"line 1: expected an object with docid and text"),
        ("passages.jsonl", '{"docid": "d0", "text": " "}\n', "passage d0 is empty"),
        ("passages.jsonl", '{"docid": "d0", "text": "a"}\n' * 2, "line 2: passage d0 stands there twice"),
        ("queries.tsv", "7\ta\n3\tcaf\u00e9\n".encode("latin-1"), r"queries\.tsv, line 2: cannot be read as UTF-8"),
        ("run.a.txt", "7 Q0 d0 1 1.0 a\n".encode("utf-16"), r"run\.a\.txt, line 1: cannot be read as UTF-8"),
        ("passages.jsonl", '{"docid": "d\u00e9", "text": "a"}\n'.encode("latin-1"), "line 1: cannot be read as UTF-8"),
        ("passages.jsonl.gz", b"plain", r"passages\.jsonl\.gz cannot be unpacked"),
    ],
)
def test_mistakes_in_a_folder(folder: Path, file: str, text: str | bytes, says: str) -> None:
    (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=says):
        load_pairs(folder, run="a")


def test_which_run(folder: Path) -> None:
    with pytest.raises(UserError, match="several runs; say which with --run: a, b"):
        load_pairs(folder)
    with pytest.raises(UserError, match="no run 'c'; it has a, b"):
        load_pairs(folder, run="c")
    (folder / "run.b.txt").unlink()
    assert len(load_pairs(folder)) == 4


def test_options_that_exclude_each_other(folder: Path) -> None:
    with pytest.raises(UserError, match="exclude each other"):
        load_pairs(folder, run="a", depth=1, sample=1)
    with pytest.raises(UserError, match="--from needs --sample"):
        load_pairs(folder, run="a", first=5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "holds no pairs"),
        (b"{\n", "line 1: not JSON"),
        (b'{"query": "q"}\n', "expected an object with the strings query and passage"),
        (b'{"query": "q", "passage": ""}\n', "empty query or passage"),
        (b'{"query": "\xe9", "passage": "p"}\n', "cannot be read as UTF-8"),
        (
            b'{"query": "q", "passage": "p", "qid": 1, "docid": "d"}\n' * 2,
            "line 2: passage d stands there twice for query 1",
        ),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(text)
    with pytest.raises(UserError, match=says):
        load_pairs(tmp_path / "pairs.jsonl")


def test_covered_query_term_ratio() -> None:
    assert terms("The cat's 2 cats, naïve!") == ["the", "cat", "s", "2", "cats", "naïve"]
    assert covered_query_term_ratio("cat dog cat bird", "A CAT and a bird.") == pytest.approx(2 / 3)
    assert covered_query_term_ratio("?", "anything") == 0.0


def test_mean_tf_per_length() -> None:
    # Of nine terms, cat twice and dog once; asking twice changes nothing.
    assert mean_tf_per_length("cat dog CAT fish", "The cat's cat and a dog, no bird!") == pytest.approx(3 / 9)
    assert mean_tf_per_length("cat", "cat cat") == 1.0
    assert mean_tf_per_length("?", "anything") == 0.0
    assert mean_tf_per_length("cat", "...") == 0.0


@pytest.mark.skipif(not TREC_DL_19.is_dir(), reason="needs the TREC DL-19 files beside the checkout")
def test_trec_dl_19() -> None:
    pairs = load_pairs(TREC_DL_19, run="repllama", depth=10)
    assert len(pairs) == 430
    assert len({pair.qid for pair in pairs}) == 43
