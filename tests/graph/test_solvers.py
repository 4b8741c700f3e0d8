"""Runs of every solver in the graph, on real stores."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedonic_graph.config import Config
from hedonic_graph.game.sample_size import guaranteed_samples
from hedonic_graph.graph import runs, statements
from hedonic_graph.graph.loader import ingest
from hedonic_graph.graph.store import Store
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results
from hedonic_graph.results.reader import AnalysisResults
from hedonic_graph.solvers import SOLVERS

TAG = f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def results(
    tiny_base: Path, tiny_adapter: Path, tiny_text: Path, tmp_path_factory: pytest.TempPathFactory
) -> AnalysisResults:
    folder = tmp_path_factory.mktemp("solvers") / TAG
    analyze(
        Config(
            model=str(tiny_base),
            adapter=str(tiny_adapter),
            text=str(tiny_text),
            layers=(1, 2),
            solver=tuple(SOLVERS),
            samples=400,
            resolution=1.0,
            certificate_samples=500,
            shuffles=2,
        ),
        folder,
    )
    return open_results(folder)


@pytest.fixture(scope="module")
def loaded(store: Store, results: AnalysisResults) -> Iterator[Store]:
    ingest(results, store)
    yield store
    for run in {info.id for info in results.runs} & {row["run"] for row in runs.listed(store).records()}:
        runs.delete(store, run)


def test_confidence_is_a_property_of_coalitions_and_a_figure_of_the_run(
    loaded: Store, results: AnalysisResults
) -> None:
    text = "MATCH (c:Coalition {run: $run}) RETURN c.layer AS layer, c.rank AS rank, c.confidence AS confidence"
    for run in results.runs:
        found = {(row["layer"], row["rank"]): row["confidence"] for row in loaded.read(text, {"run": run.id}).records()}
        expected: dict[tuple[int, int], float | None] = dict.fromkeys(found)
        if run.solver == "consensus":
            for layer in (1, 2):
                table = results.coalitions(run, layer)
                expected |= {
                    (layer, rank): None if size == 1 else confidence
                    for rank, size, confidence in table[["coalition", "size", "confidence"]].itertuples(index=False)
                }
            assert any(found.values())
        assert found == expected
        shown = dict(runs.shown(loaded, run.id).values)
        assert ("confidence" in shown) == (run.solver == "consensus")
        assert {"halves_correlation", "halves_overlap", "halves_agreement", "choice_error"} <= set(shown)


def test_every_solver_is_loaded_whole(loaded: Store, results: AnalysisResults) -> None:
    listed = {row["run"]: row for row in runs.listed(loaded).records()}
    statement = statements.load("sizes")
    for run in results.runs:
        row = listed[run.id]
        assert (row["solver"], row["seed"], row["status"]) == (run.solver, run.seed, "complete")
        expected = [
            (layer, record["coalitions"], record["singletons"])
            for layer, record in ((layer, results.partition_record(run, layer)) for layer in (1, 2))
        ]
        sizes = loaded.read(statement.text, statement.bind({"run": run.id})).records()
        assert [(one["layer"], one["coalitions"], one["singletons"]) for one in sizes] == expected
        shown = dict(runs.shown(loaded, run.id).values)
        assert shown["leiden_resolution"] == 1.0
        assert "blocking_bound_uniform" in shown
        assert shown.get("sampled_coalitions_by_theorem") == (
            float(guaranteed_samples(40)) if run.solver == "pac" else None
        )
