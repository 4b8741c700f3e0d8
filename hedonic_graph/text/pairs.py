"""Pairs of a query and a passage, the examples every analysis runs on."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Formatter

from hedonic_graph.errors import UserError
from hedonic_graph.text import datasets, trec
from hedonic_graph.text.files import read_json_lines

PROMPT = "query: {query}, passage: {passage}"
"""The paper's prompt (DESIGN §3.7)."""

_FIELDS = {"query", "passage"}


@dataclass(frozen=True)
class Pair:
    """One example: a query and a passage, with their identifiers where the source has them."""

    query: str
    passage: str
    qid: str | None = None
    docid: str | None = None

    @property
    def prompt(self) -> str:
        """The text the model reads, in the paper's form."""
        return self.fill(PROMPT)

    def fill(self, template: str) -> str:
        """The text the model reads, by a template that :func:`check_template` accepts."""
        return template.format(query=self.query, passage=self.passage)


def query_numbers(pairs: Sequence[Pair]) -> list[int]:
    """The number of each pair's query, from 0 in the order of their first pairs; equal texts are one query."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(pair.query, len(numbers)) for pair in pairs]


def check_template(template: str) -> None:
    """Raise UserError unless ``template`` is text around ``{query}``, ``{passage}`` or both."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise UserError(f"prompt {template!r} cannot be read: {error}; write {{{{ and }}}} for braces") from error
    fields = [name for _, name, *_ in parts if name is not None]
    plain = not any(spec or conversion for _, _, spec, conversion in parts)
    if not fields or not set(fields) <= _FIELDS or not plain:
        raise UserError(
            f"prompt {template!r} must hold {{query}}, {{passage}} or both, and no other field: "
            "write {{ and }} for braces"
        )


def load_pairs(
    text: Path,
    *,
    run: str | None = None,
    depth: int | None = None,
    sample: int | None = None,
    first: int | None = None,
    seed: int = 0,
) -> list[Pair]:
    """Read the examples that ``--text`` names (DESIGN §9).

    ``text`` is a JSON-lines file of {query, passage}, a folder laid out as ``queries.tsv``,
    ``passages.jsonl`` (or ``.gz``) and ``run.NAME.txt``, or else a name in ``ir_datasets``. For a folder ``run`` says
    which run (needed where there are several), for a name it is a run's file (needed where the data set ranks
    nothing itself); ``depth`` takes the first so many passages of each query, ``sample`` draws so many
    of the ``first`` ones by ``seed``. Raises UserError for a missing file, a malformed line or no pairs.
    """
    if text.is_dir():
        found = trec.read_pairs(text, run=run, depth=depth, sample=sample, first=first, seed=seed)
        pairs = [Pair(**one) for one in found]
    elif text.is_file():
        if run or depth or sample or first:
            raise UserError(f"--run, --depth, --sample and --from need a folder of TREC files; {text} is a file")
        pairs = list(_read_json_lines(text))
    else:
        found = datasets.read_pairs(str(text), run=run, depth=depth, sample=sample, first=first, seed=seed)
        pairs = [Pair(**one) for one in found]
    if not pairs:
        raise UserError(f"{text} holds no pairs of a query and a passage")
    return pairs


def load_qrels(text: Path) -> dict[str, dict[str, int]]:
    """Read the judgements of a text: ``qrels.txt`` of a folder, or those of a name in ``ir_datasets``.

    Returns the grade of each query's judged passages. Raises UserError where there are none, as for a file of pairs.
    """
    if text.is_file():
        raise UserError(f"{text} holds pairs without judgements: those stand in qrels.txt of a folder of TREC files")
    return trec.read_qrels(text / "qrels.txt") if text.is_dir() else datasets.read_qrels(str(text))


def _read_json_lines(path: Path) -> Iterator[Pair]:
    seen = set[tuple[str, str]]()
    for number, record in read_json_lines(path):
        if not isinstance(record, dict) or not all(isinstance(record.get(k), str) for k in ("query", "passage")):
            raise UserError(f"{path}, line {number}: expected an object with the strings query and passage")
        if not record["passage"].strip() or not record["query"].strip():
            raise UserError(f"{path}, line {number}: empty query or passage")
        ids = {key: str(record[key]) for key in ("qid", "docid") if record.get(key) is not None}
        if len(ids) == 2:
            if (both := (ids["qid"], ids["docid"])) in seen:
                raise UserError(f"{path}, line {number}: passage {both[1]} stands there twice for query {both[0]}")
            seen.add(both)
        yield Pair(record["query"], record["passage"], **ids)


def write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """Write pairs as JSON lines, the form :func:`load_pairs` reads."""
    with path.open("w", encoding="utf-8") as out:
        for pair in pairs:
            record = {key: value for key, value in asdict(pair).items() if value is not None}
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
