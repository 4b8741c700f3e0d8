"""Every solver through a whole analysis: what each makes of a layer, what its runs say, what they hang on."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hedonic_graph.config import Config, RunSpec
from hedonic_graph.game import clustering
from hedonic_graph.game.clustering import spherical_kmeans, ward
from hedonic_graph.game.sample_size import guaranteed_samples
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.solving import leading
from hedonic_graph.results import open_results
from hedonic_graph.solvers import SOLVERS, leader
from hedonic_graph.summary import verdicts

LAYERS = (1, 2)


@pytest.fixture(scope="module")
def asked(config: Config) -> Config:
    # The followers are named first: what they follow has to be solved before them all the same.
    return replace(
        config, layers=LAYERS, valuation=("pas",), solver=tuple(reversed(SOLVERS)), resolution=4.0, shuffles=2
    )


@pytest.fixture(scope="module")
def solved(asked: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("solvers") / "tiny"
    analyze(asked, folder)
    return folder


def labels(folder: Path, run: str, layer: int) -> np.ndarray:
    results = open_results(folder)
    info = next(one for one in results.runs if one.id == f"tiny/{run}")
    return results.members(info, layer)["coalition"].to_numpy()


def test_those_that_draw_have_a_run_a_seed_and_all_have_the_same_tables(asked: Config, solved: Path) -> None:
    results = open_results(solved)
    ids = [run.id for run in results.runs]
    drawing = {"pac", "consensus", "random", "kmeans", "leiden"}
    assert {id.removeprefix("tiny/pas.") for id in ids} == {"exact", "ward"} | {
        f"{solver}.{seed}" for solver in drawing for seed in (0, 1)
    }
    for run in results.runs:
        for layer in LAYERS:
            members = results.members(run, layer)
            assert members["neuron"].tolist() == list(range(40))
            assert members["utility"].notna().all()
            record = results.partition_record(run, layer)
            assert set(record["certificates"]) == {"uniform", "neighbourhood"}
            assert record["utility"] == ("sum" if run.solver in ("exact", "consensus") else "mean")
        assert results.edges(run, 1, 20)["mass"].notna().all()
        assert {"blocking_bound_uniform", "largest_share", "significant_edges", "vanish_shuffled"} <= set(run.honesty)
        assert ("seed_agreement" in run.honesty) == (run.solver in drawing)


def test_clusters_are_of_the_scored_activations_and_as_many_as_the_leader_found(solved: Path, asked: Config) -> None:
    for layer in LAYERS:
        rows = load_file(solved / f"capture/L{layer:02}.safetensors")["tuned"].T
        assert rows.shape == (40, 24)
        for seed in (0, 1):
            led = leading(asked, RunSpec("pas", "kmeans", seed))
            assert (led.solver, led.seed) == (leader(asked.solver), seed)
            count = labels(solved, led.id, layer).max() + 1
            found = labels(solved, f"pas.kmeans.{seed}", layer)
            assert (found == spherical_kmeans(rows, count, seed=seed).labels).all()
            assert found.max() + 1 == count > 1
        # Ward draws nothing: it follows the first seed of one that does.
        led = leading(asked, RunSpec("pas", "ward"))
        assert led.seed == 0
        count = labels(solved, led.id, layer).max() + 1
        assert (labels(solved, "pas.ward", layer) == ward(rows, count).labels).all()


def test_the_leader_is_the_first_that_plays_the_game_else_one_that_follows_nobody() -> None:
    assert leader(("kmeans", "leiden", "pac", "exact")) == "pac"
    assert leader(("ward", "exact", "leiden", "pac")) == "exact"
    assert leader(("random", "leiden")) == "leiden"
    assert leader(("random", "ward", "kmeans")) is None


def test_only_pac_has_to_say_how_much_it_sampled(solved: Path) -> None:
    results = open_results(solved)
    said = verdicts(results)
    for run in results.runs:
        about = [line for line in said if line.startswith(f"{run.id}: ") and "sampled" in line]
        if run.solver == "pac":
            records = [results.partition_record(run, layer) for layer in LAYERS]
            least = min(record["sampled"] for record in records)
            assert least >= 400
            assert run.honesty["sampled_coalitions"] == least
            assert run.honesty["sampled_coalitions_by_theorem"] == guaranteed_samples(40)
            assert about == [
                f"{run.id}: {least:,} coalitions sampled in a layer or more; to guarantee that epsilon the theorem "
                "(Sliwinski and Zick 2017) asks for 7.4e+08"
            ]
        else:
            assert not about
            assert not any(name.startswith("sampled") for name in run.honesty)


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"leiden_resolution": 3.0}, {"leiden"}),
        ({"samples": 500}, {"pac", "random", "kmeans", "ward"}),
        ({"utility": "sum"}, {"pac", "random", "kmeans", "ward", "leiden"}),
    ],
)
def test_a_change_redoes_the_solvers_that_hang_on_it(
    solved: Path, asked: Config, tmp_path: Path, change: dict[str, Any], redone: set[str]
) -> None:
    shutil.copytree(solved, tmp_path / "tiny")
    # With pac in the lead, which hangs on its samples.
    led = replace(asked, solver=("pac", "exact", "random", "kmeans", "ward", "leiden"))
    analyze(led, tmp_path / "tiny")
    done = analyze(replace(led, **change), tmp_path / "tiny")
    assert {unit.split(".")[2].partition("/")[0] for unit in done if unit.startswith("partition.")} == redone


def test_resolution_reaches_leiden(solved: Path, asked: Config, tmp_path: Path) -> None:
    shutil.copytree(solved, tmp_path / "tiny")
    analyze(replace(asked, leiden_resolution=8.0), tmp_path / "tiny")
    before, after = labels(solved, "pas.leiden.0", 1), labels(tmp_path / "tiny", "pas.leiden.0", 1)
    assert after.max() > before.max()


def test_beyond_its_limit_ward_says_so(asked: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "EXACT_WARD", 39)
    said: list[str] = []
    analyze(replace(asked, solver=("exact", "ward"), layers=(1,)), tmp_path / "tiny", report=said.append)
    caveat = "pas.ward layer 1: Ward joined neurons along each one's 10 nearest only: it is exact for up to 39 neurons"
    assert any(line.startswith(caveat) for line in said)
    assert any(line.startswith(f"tiny/{caveat}") for line in verdicts(open_results(tmp_path / "tiny")))


def test_an_analysis_from_before_there_were_these_options_opens(solved: Path, tmp_path: Path) -> None:
    shutil.copytree(solved, tmp_path / "tiny")
    manifest = json.loads((tmp_path / "tiny/manifest.json").read_text())
    del manifest["config"]["leiden_resolution"]
    (tmp_path / "tiny/manifest.json").write_text(json.dumps(manifest))
    assert len(open_results(tmp_path / "tiny").runs) == 12
