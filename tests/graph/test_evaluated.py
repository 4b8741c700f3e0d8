"""An analysis in the graph before and after it was evaluated, on real stores."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hedonic_graph.analysis import Analysis
from hedonic_graph.config import Config
from hedonic_graph.errors import UserError
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.evaluation.evaluate import evaluate
from hedonic_graph.pipeline.evaluation.options import EvaluationOptions
from hedonic_graph.pipeline.evaluation.work import COMMAND
from hedonic_graph.results import open_results
from hedonic_graph.results.protocol import RunInfo
from hedonic_graph.results.reader import AnalysisResults

TAG = f"test-{uuid.uuid4().hex[:12]}"
RUN = f"{TAG}/pas.pac.0"


@pytest.fixture(scope="module")
def plain(
    tiny_base: Path, tiny_adapter: Path, tiny_text: Path, tmp_path_factory: pytest.TempPathFactory
) -> AnalysisResults:
    folder = tmp_path_factory.mktemp("plain") / TAG
    analyze(
        Config(
            model=str(tiny_base),
            adapter=str(tiny_adapter),
            text=str(tiny_text),
            task="cqtr",
            layers=(1, 2),
            solver=("pac",),
            samples=400,
            certificate_samples=200,
            shuffles=2,
            # The tiny model has no event by the shares that exceed chance.
            shares="relative",
        ),
        folder,
    )
    return open_results(folder)


@pytest.fixture(scope="module")
def evaluated(plain: AnalysisResults, tmp_path_factory: pytest.TempPathFactory) -> AnalysisResults:
    folder = tmp_path_factory.mktemp("evaluated") / TAG
    shutil.copytree(plain.analysis.path, folder)
    options = EvaluationOptions(what=("synergy", "alignment", "drop"), per_class=2, permutations=19, groups=20)
    evaluate(options, folder)
    # Random weights follow no feature beyond chance: let two coalitions of each layer do so.
    with Analysis.writing(folder) as analysis:
        for layer in (1, 2):
            rows = [(0, "BM25", "retrieval model", 0.4), (0, "IDF", "IDF", 0.3), (1, "BM25", "retrieval model", 0.2)]
            table = pd.read_parquet(folder / f"alignment.pas.pac.0/L0{layer}.parquet")
            edges = pd.DataFrame(rows, columns=["coalition", "feature", "family", "r2"])

            def write(path: Path, table: pd.DataFrame = table, edges: pd.DataFrame = edges) -> None:
                table.to_parquet(path.with_suffix(".parquet"), index=False)
                edges.to_parquet(path.with_suffix(".edges.parquet"), index=False)

            analysis.commit(f"alignment.pas.pac.0/L0{layer}", "planted", write, command=COMMAND)
    return Splitting(Analysis.open(folder))


class Splitting(AnalysisResults):
    """The largest coalition splits into all that it feeds: the tiny model has no split of its own."""

    def edges(self, run: RunInfo, layer: int, keep: int) -> pd.DataFrame:
        found = super().edges(run, layer, keep)
        return found.assign(event=found["event"].mask(found["source"] == 0, "split"))


@pytest.fixture(scope="module")
def loaded(store: Store, plain: AnalysisResults, evaluated: AnalysisResults) -> Iterator[Store]:
    """A graph that had the run before it was evaluated."""
    ingest(plain, store)
    with pytest.raises(UserError, match=r"without synergy, drop and alignment in layers 1 and 2: add --replace"):
        ingest(evaluated, store)
    [load] = ingest(evaluated, store, replace=True).runs
    assert load.outcome == "replaced"
    yield store
    for run in {info.id for info in evaluated.runs} & {row["run"] for row in runs.listed(store).records()}:
        runs.delete(store, run)


def ask(store: Store, name: str, **given: Any) -> list[dict[str, Any]]:
    statement = statements.load(name)
    return store.read(statement.text, statement.bind(given)).records()


def test_a_second_load_changes_nothing(loaded: Store, evaluated: AnalysisResults) -> None:
    assert [load.outcome for load in ingest(evaluated, loaded).runs] == ["present"]


def test_results_are_properties_of_coalitions(loaded: Store, evaluated: AnalysisResults) -> None:
    text = (
        "MATCH (c:Coalition {run: $run, layer: $layer}) RETURN c.rank AS rank, c.pair AS pair, c.ratio AS ratio, "
        "c.drop AS drop, c.r2 AS r2, c.feature AS feature ORDER BY rank"
    )
    for layer in (1, 2):
        rows = loaded.read(text, {"run": RUN, "layer": layer}).records()
        found = {
            stage: evaluated.evaluation(stage, evaluated.runs[0], layer) for stage in ("synergy", "drop", "alignment")
        }
        named = {"synergy": ("pair", "ratio"), "drop": ("drop",), "alignment": ("r2", "feature")}
        assert any(row["pair"] is not None for row in rows) and any(row["pair"] is None for row in rows)
        for stage, names in named.items():
            table = found[stage]
            assert table is not None
            for name in names:
                expected = dict.fromkeys(range(len(rows))) | dict(zip(table["coalition"], table[name], strict=True))
                assert [row[name] for row in rows] == list(expected.values())


def test_alignments_are_edges(loaded: Store) -> None:
    text = (
        "MATCH (c:Coalition {run: $run})-[e:ALIGNS_WITH]->(f:Feature) "
        "RETURN c.layer AS layer, c.rank AS rank, f.name AS feature, f.family AS family, e.r2 AS r2"
    )
    rows = sorted(tuple(row.values()) for row in loaded.read(text, {"run": RUN}).records())
    one = [(0, "BM25", "retrieval model", 0.4), (0, "IDF", "IDF", 0.3), (1, "BM25", "retrieval model", 0.2)]
    assert rows == [(layer, *row) for layer in (1, 2) for row in one]


def test_queries_answer_from_an_evaluation(loaded: Store, evaluated: AnalysisResults) -> None:
    run = evaluated.runs[0]
    coalitions = evaluated.coalitions(run, 1)
    known = coalitions[coalitions["pair"].notna() & coalitions["fate"].notna()]
    rows = ask(loaded, "synergy", run=RUN)
    assert {row["fate"]: row["coalitions"] for row in rows} == known["fate"].value_counts().to_dict()
    for row in rows:
        assert row["pair"] == pytest.approx(known["pair"][known["fate"] == row["fate"]].mean())
    edges = evaluated.edges(run, 1, 20)
    events = edges[edges["event"].notna() & edges["source"].isin([0, 1]) & edges["target"].isin([0, 1])]
    carried = {(row["source"], row["target"], row["feature"]) for row in ask(loaded, "features", run=RUN, steps=1)}
    expected = {
        (f"{RUN}/L01/C{row.source:04d}", f"{RUN}/L02/C{row.target:04d}", feature)
        for row in events.itertuples()
        for feature in ("BM25", *(["IDF"] if row.source == row.target == 0 else []))
    }
    assert carried == expected
    splits = edges[(edges["event"] == "split") & edges["source"].isin([0, 1])]
    carriers = {
        (row["coalition"], row["feature"]): (row["parts"], row["carrying"]) for row in ask(loaded, "carriers", run=RUN)
    }
    wanted: dict[tuple[str, str], tuple[int, int]] = {}
    for source, parts in splits.groupby("source"):
        for feature, carrying in (("BM25", [0, 1]), ("IDF", [0])):
            if feature == "BM25" or source == 0:
                held = int(np.isin(parts["target"], carrying).sum())
                wanted[f"{RUN}/L01/C{source:04d}", feature] = (len(parts), held)
    assert carriers == wanted
    assert len(events) and len(wanted) == 2
