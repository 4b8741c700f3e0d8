"""Readers for the plain files of a TREC passage track: topics, passages, runs and judgements."""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hedonic_graph.errors import UserError
from hedonic_graph.text.files import read_json_lines, read_lines

GRADES = range(11)
"""What a grade of relevance may be; TREC's are 0 to 3 or 4."""


def read_pairs(
    folder: Path,
    *,
    run: str | None = None,
    depth: int | None = None,
    sample: int | None = None,
    first: int | None = None,
    seed: int = 0,
) -> list[dict[str, str]]:
    """Join topics, a run and passages of ``folder`` into records of qid, query, docid, passage.

    Topics come in the order of ``queries.tsv``, the passages of each in the order of the run. ``depth``
    takes the first so many of each topic; ``sample`` draws so many of the ``first`` ones (the paper draws
    10 of 200), kept in rank order. Topics without a line in the run are left out.
    """
    queries = read_topics(folder / "queries.tsv")
    ranked = read_run(_run_file(folder, run))
    chosen = choose(queries, ranked, "queries.tsv", depth=depth, sample=sample, first=first, seed=seed)
    path = _passage_file(folder)
    return join(queries, read_passages(path, wanted={docid for _, docid in chosen}), chosen, path.name)


def choose(
    queries: Iterable[str],
    ranked: Mapping[str, Sequence[str]],
    source: str,
    *,
    depth: int | None,
    sample: int | None,
    first: int | None,
    seed: int,
) -> list[tuple[str, str]]:
    """Return (query, passage) identifiers, as :func:`read_pairs` chooses them of a run, ``ranked``.

    ``source`` is where ``queries`` come from, for the UserError of a run that asks others.
    """
    if depth is not None and sample is not None:
        raise UserError("--depth and --sample exclude each other: take the first, or draw with --sample and --from")
    if first is not None and sample is None:
        raise UserError("--from needs --sample: how many to draw of each query's first passages")
    known = dict.fromkeys(queries)
    if unknown := next((qid for qid in ranked if qid not in known), None):
        raise UserError(f"the run has query {unknown}, which {source} lacks")
    draw = random.Random(seed)
    chosen: list[tuple[str, str]] = []
    for qid in known:
        docids = ranked.get(qid, [])
        if sample is not None:
            pool = docids[:first]
            kept = sorted(draw.sample(range(len(pool)), min(sample, len(pool))))
            docids = [pool[position] for position in kept]
        chosen += [(qid, docid) for docid in docids[:depth]]
    return chosen


def join(
    queries: Mapping[str, str], passages: Mapping[str, str], chosen: Sequence[tuple[str, str]], source: str
) -> list[dict[str, str]]:
    """Return records of qid, query, docid, passage; ``source`` is where ``passages`` come from.

    Raises UserError for a query or a passage without text, and for a passage that is not there.
    """
    for qid, docid in chosen:
        if docid not in passages:
            raise UserError(f"the run has passage {docid}, which {source} lacks")
        if not passages[docid].strip():
            raise UserError(f"{source}: passage {docid} is empty")
        if not queries[qid].strip():
            raise UserError(f"{source}: query {qid} is empty")
    return [{"qid": q, "query": queries[q], "docid": d, "passage": passages[d]} for q, d in chosen]


def read_topics(path: Path) -> dict[str, str]:
    """Read ``queries.tsv`` (query id, tab, text) in file order."""
    topics: dict[str, str] = {}
    for number, line in read_lines(path):
        qid, tab, query = line.partition("\t")
        if not tab or not qid.strip() or not query.strip():
            raise UserError(f"{path}, line {number}: expected a query id, a tab and the query")
        if qid in topics:
            raise UserError(f"{path}, line {number}: query {qid} stands there twice")
        topics[qid] = query.strip()
    return topics


def read_run(path: Path) -> dict[str, list[str]]:
    """Read a run in TREC's six columns; passages of each query in rank order."""
    ranked: dict[str, list[tuple[int, str]]] = {}
    seen: set[tuple[str, str]] = set()
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            qid, _, docid, rank, _, _ = line.split()
            place = int(rank)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: expected query, Q0, passage, rank, score, name") from error
        if (qid, docid) in seen:
            raise UserError(f"{path}, line {number}: passage {docid} stands there twice for query {qid}")
        seen.add((qid, docid))
        ranked.setdefault(qid, []).append((place, docid))
    return {qid: [docid for _, docid in sorted(rows, key=lambda row: row[0])] for qid, rows in ranked.items()}


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read judgements in TREC's four columns (query, 0, passage, grade): the grade of each query's judged passages."""
    qrels: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            qid, _, docid, written = line.split()
            grade = int(written)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: expected query, 0, passage, grade") from error
        if grade not in GRADES:
            raise UserError(f"{path}, line {number}: grade {grade} is outside {GRADES[0]} to {GRADES[-1]}")
        if docid in qrels.setdefault(qid, {}):
            raise UserError(f"{path}, line {number}: passage {docid} is judged twice for query {qid}")
        qrels[qid][docid] = grade
    if not qrels:
        raise UserError(f"{path} holds no judgements")
    return qrels


def read_collection(folder: Path) -> dict[str, str]:
    """Read all passages of ``folder``."""
    return read_passages(_passage_file(folder))


def read_passages(path: Path, wanted: set[str] | None = None) -> dict[str, str]:
    """Read the ``wanted`` passages of a JSON-lines file of docid and text, or all of them."""
    passages: dict[str, str] = {}
    for number, record in read_json_lines(path):
        try:
            docid, text = str(record["docid"]), record["text"]
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}, line {number}: expected an object with docid and text") from error
        if wanted is not None and docid not in wanted:
            continue
        if docid in passages:
            raise UserError(f"{path}, line {number}: passage {docid} stands there twice")
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{path}, line {number}: passage {docid} is empty")
        passages[docid] = text
    return passages


def _run_file(folder: Path, run: str | None) -> Path:
    names = sorted(path.name[len("run.") : -len(".txt")] for path in folder.glob("run.*.txt"))
    if not names:
        raise UserError(f"{folder} has no run.NAME.txt")
    if run is None and len(names) > 1:
        raise UserError(f"{folder} has several runs; say which with --run: {', '.join(names)}")
    if run is not None and run not in names:
        raise UserError(f"{folder} has no run {run!r}; it has {', '.join(names)}")
    return folder / f"run.{run or names[0]}.txt"


def _passage_file(folder: Path) -> Path:
    for name in ("passages.jsonl", "passages.jsonl.gz"):
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{folder} has neither passages.jsonl nor passages.jsonl.gz")
