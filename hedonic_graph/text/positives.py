"""Training text: queries, each with a passage that answers it (JSON lines of qid, query and positive)."""

from dataclasses import dataclass
from pathlib import Path

from hedonic_graph.errors import UserError
from hedonic_graph.text.files import read_json_lines

_FIELDS = ("query", "positive")


@dataclass(frozen=True)
class Positive:
    """A query and the passage that answers it."""

    qid: str
    query: str
    passage: str


def read_positives(path: Path) -> list[Positive]:
    """Read JSON lines (``.gz`` or not) of {qid, query, positive} in file order.

    Raises UserError for a malformed line, an empty text, a query id that stands there twice, or no line at all.
    """
    found: dict[str, Positive] = {}
    for number, record in read_json_lines(path):
        whole = isinstance(record, dict) and "qid" in record
        if not whole or not all(isinstance(record.get(field), str) for field in _FIELDS):
            raise UserError(f"{path}, line {number}: expected an object with qid and the strings query and positive")
        qid, query, passage = str(record["qid"]), record["query"], record["positive"]
        if not query.strip() or not passage.strip():
            raise UserError(f"{path}, line {number}: empty query or positive")
        if qid in found:
            raise UserError(f"{path}, line {number}: query {qid} stands there twice")
        found[qid] = Positive(qid, query, passage)
    if not found:
        raise UserError(f"{path} holds no pairs of a query and its positive")
    return list(found.values())
