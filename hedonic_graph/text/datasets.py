"""Texts by the names they have in ir_datasets, which the extra ``text`` installs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hedonic_graph.errors import UserError
from hedonic_graph.text import trec


def read_pairs(
    name: str,
    *,
    run: str | None = None,
    depth: int | None = None,
    sample: int | None = None,
    first: int | None = None,
    seed: int = 0,
) -> list[dict[str, str]]:
    """Return records of qid, query, docid, passage, as :func:`hedonic_graph.text.trec.read_pairs` does.

    The passages of each query come from ``run``, a file in TREC's six columns, else from the data set's own
    scored documents, the best first. Raises UserError without the extra, for an unknown name, and where the data
    set lacks documents, queries or both kinds of run.
    """
    with _reading(name) as dataset:
        if not (dataset.has_docs() and dataset.has_queries()):
            raise UserError(f"{name} has no {'queries' if dataset.has_docs() else 'documents'} in ir_datasets")
        if run is not None:
            ranked = trec.read_run(Path(run).expanduser())
        elif dataset.has_scoreddocs():
            ranked = _ranked(dataset)
        else:
            raise UserError(f"{name} ranks no passages in ir_datasets: give a run's file with --run")
        queries = {query.query_id: query.default_text() for query in dataset.queries_iter()}
        chosen = trec.choose(queries, ranked, name, depth=depth, sample=sample, first=first, seed=seed)
        found = dataset.docs_store().get_many({docid for _, docid in chosen})
        passages = {docid: document.default_text() for docid, document in found.items()}
    return trec.join(queries, passages, chosen, name)


def read_qrels(name: str) -> dict[str, dict[str, int]]:
    """Return the data set's judgements; a grade below 0, which some tracks give to spam, is none: 0."""
    with _reading(name) as dataset:
        if not dataset.has_qrels():
            raise UserError(f"{name} has no judgements in ir_datasets")
        return {
            qid: {docid: max(grade, 0) for docid, grade in graded.items()}
            for qid, graded in dataset.qrels_dict().items()
        }


@contextmanager
def _reading(name: str) -> Iterator[Any]:
    forms = f"no text at {name}: give a JSON-lines file of query and passage, a folder of TREC files"
    try:
        import ir_datasets
    except ModuleNotFoundError as error:
        raise UserError(f'{forms}, or a name of ir_datasets after: pip install "hedonic-graph[text]"') from error
    try:
        dataset = ir_datasets.load(name)
    except KeyError as error:
        raise UserError(f"{forms}, or a name that ir_datasets knows") from error
    try:
        yield dataset
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{name} cannot be read by ir_datasets: {error}") from error


def _ranked(dataset: Any) -> dict[str, list[str]]:
    scored: dict[str, list[tuple[float, str]]] = {}
    for one in dataset.scoreddocs_iter():
        scored.setdefault(one.query_id, []).append((one.score, one.doc_id))
    # Some lists have no scores, only an order.
    return {qid: [docid for _, docid in sorted(rows, key=lambda row: -row[0])] for qid, rows in scored.items()}
