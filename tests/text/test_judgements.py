"""Readers of judgements and training text, and what they refuse."""

import gzip
from pathlib import Path

import pytest
from text.shared import POSITIVES, TREC_DL_19

from hedonic_graph.errors import UserError
from hedonic_graph.text.positives import Positive, read_positives
from hedonic_graph.text.trec import read_qrels


def written(folder: Path, text: str | bytes, name: str = "file.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_qrels(tmp_path: Path) -> None:
    path = written(tmp_path, "7 0 d1 3\n7 Q0 d2 0\n\n3 0 d1 1\n")
    assert read_qrels(path) == {"7": {"d1": 3, "d2": 0}, "3": {"d1": 1}}


def test_positives(tmp_path: Path) -> None:
    line = '{"qid": 7, "query": "what", "positive": "that"}\n'
    assert read_positives(written(tmp_path, line + "\n")) == [Positive("7", "what", "that")]
    with gzip.open(tmp_path / "pairs.jsonl.gz", "wt") as out:
        out.write(line)
    assert read_positives(tmp_path / "pairs.jsonl.gz") == [Positive("7", "what", "that")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("7 0 d1\n", "line 1: expected query, 0, passage, grade"),
        ("7 0 d1 high\n", "line 1: expected query, 0, passage, grade"),
        ("7 0 d1 11\n", "line 1: grade 11 is outside 0 to 10"),
        ("7 0 d1 1\n7 0 d2 -1\n", "line 2: grade -1 is outside 0 to 10"),
        ("7 0 d1 1\n7 0 d1 1\n", "line 2: passage d1 is judged twice for query 7"),
        ("\n", "holds no judgements"),
        ("7 0 d\u00e9 1\n".encode("latin-1"), "line 1: cannot be read as UTF-8 text"),
        ("7 0 d1 1\n".encode("utf-16"), "line 1: cannot be read as UTF-8 text"),
    ],
)
def test_mistakes_in_qrels(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_qrels(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no pairs of a query and its positive"),
        ("{\n", "line 1: not JSON"),
        ("[]\n", "line 1: expected an object with qid and the strings query and positive"),
        ('{"qid": "1", "query": "q"}\n', "line 1: expected an object with qid"),
        ('{"query": "q", "positive": "p"}\n', "line 1: expected an object with qid"),
        ('{"qid": "1", "query": "q", "positive": " "}\n', "line 1: empty query or positive"),
        ('{"qid": "1", "query": "q", "positive": "p"}\n' * 2, "line 2: query 1 stands there twice"),
    ],
)
def test_mistakes_in_training_text(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_positives(written(tmp_path, text))


def test_damaged_compression(tmp_path: Path) -> None:
    lines = [f'{{"qid": {number}, "query": "q", "positive": "p"}}\n' for number in range(99)]
    whole = gzip.compress("".join(lines).encode())
    for damaged in (b"not gzip", whole[:-12], whole[:20] + b"\xff" * 20 + whole[40:]):
        with pytest.raises(UserError, match="cannot be unpacked"):
            read_positives(written(tmp_path, damaged, "pairs.jsonl.gz"))


def test_a_byte_order_mark_is_no_part_of_an_identifier(tmp_path: Path) -> None:
    assert read_qrels(written(tmp_path, b"\xef\xbb\xbf7 0 d1 1\n")) == {"7": {"d1": 1}}


@pytest.mark.skipif(not TREC_DL_19.is_dir(), reason="needs the TREC DL-19 and MS MARCO files beside the checkout")
def test_shared_files() -> None:
    assert len(read_qrels(TREC_DL_19 / "qrels.txt")) == 43
    assert len(read_positives(POSITIVES)) == 6980
