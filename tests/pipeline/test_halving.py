"""What is said of two halves of the examples, held against halves analysed on their own."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.stats import norm
from sklearn.metrics import adjusted_rand_score

from hedonic_graph.config import Config
from hedonic_graph.game.partition import Partition
from hedonic_graph.models.examples import halves
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.results import open_results
from hedonic_graph.summary import verdicts
from hedonic_graph.text.pairs import load_pairs, write_pairs


@pytest.fixture(scope="module")
def apart(config: Config, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An analysis of each half of the text."""
    pairs = load_pairs(Path(config.text))
    found = []
    for number, half in enumerate(halves(len(pairs)).tolist()):
        folder = tmp_path_factory.mktemp("half")
        write_pairs(folder / "pairs.jsonl", [pair for pair, here in zip(pairs, half, strict=True) if here])
        only = replace(config, text=str(folder / "pairs.jsonl"), solver=("exact",), layers=(1, 2))
        analyze(only, folder / f"half{number}")
        found.append(folder / f"half{number}")
    return found


def record(folder: Path, valuation: str, layer: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"halves.{valuation}/L{layer:02d}.json").read_text())
    return found


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("valuation", ["pas", "oca"])
def test_halves_are_what_each_half_says_alone(whole: Path, apart: list[Path], valuation: str, layer: int) -> None:
    one, other = (load_file(half / f"phi.{valuation}/L{layer:02d}.safetensors")["phi"] for half in apart)
    found = record(whole, valuation, layer)
    assert found["examples"] == [12, 12]
    pairs = np.triu_indices(40, 1)
    assert found["correlation"] == pytest.approx(np.corrcoef(one[pairs], other[pairs])[0, 1], abs=1e-4)
    tops = []
    for phi in (one, other):
        np.fill_diagonal(phi, -np.inf)
        tops.append(np.argsort(-phi, axis=1)[:, :3])
    shared = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(*tops, strict=True)])
    assert found["overlap"] == pytest.approx(shared, abs=0.03)
    tables = [pd.read_parquet(half / f"partition.{valuation}.exact/L{layer:02d}.parquet") for half in apart]
    labels = [Partition.from_labels(table["coalition"].to_numpy()).labels for table in tables]
    assert found["adjusted_rand"] == pytest.approx(adjusted_rand_score(*labels), abs=0.05)


def test_choices_carry_their_standard_error(whole: Path) -> None:
    results = open_results(whole)
    for valuation in ("pas", "oca"):
        table = pd.read_parquet(whole / f"halves.{valuation}/L02.parquet")
        pd.testing.assert_frame_equal(
            table[["neuron", "other", "phi"]],
            results.preferences(valuation, 2)[["neuron", "other", "phi"]],
            check_dtype=False,
        )
        assert (table["error"] > 0).all()
        expected = float((table["error"] / table["phi"].abs()).median())
        # Half of the errors that one difference gives lie below 0.6745 of what they should be.
        assert record(whole, valuation, 2)["choice_error"] == pytest.approx(
            expected / (norm.ppf(0.75) if valuation == "oca" else 1), rel=1e-5
        )


def test_over_all_tokens_errors_are_half_of_what_the_halves_differ_by(whole: Path, apart: list[Path]) -> None:
    one, other = (load_file(half / "phi.oca/L02.safetensors")["phi"] for half in apart)
    table = pd.read_parquet(whole / "halves.oca/L02.parquet")
    places = table["neuron"].to_numpy(), table["other"].to_numpy()
    np.testing.assert_allclose(table["error"], np.abs(one[places] - other[places]) / 2, atol=1e-5)


def test_queries_of_both_halves_are_counted(whole: Path, config: Config) -> None:
    queries = np.array([pair.query for pair in load_pairs(Path(config.text))])
    first, second = (set(queries[half.numpy()]) for half in halves(len(queries)))
    found = record(whole, "pas", 1)
    assert (found["queries"], found["shared_queries"]) == (len(first | second), len(first & second))


def test_figures_and_lines(whole: Path) -> None:
    results = open_results(whole)
    said = "\n".join(verdicts(results))
    assert said.count("in two halves of the 24 examples phi correlates at ") == 2
    assert "one degree of freedom for each choice" in said
    assert said.count("pas: --growth 2 shows how this grows with the text") == 1
    assert "oca: --growth" not in said
    for run in results.runs:
        records = [record(whole, str(run.valuation), layer) for layer in (1, 2, 3)]
        for figure, name in (("correlation",) * 2, ("overlap",) * 2, ("agreement", "adjusted_rand")):
            mean = np.mean([one[name] for one in records])
            assert run.honesty[f"halves_{figure}"] == pytest.approx(mean)
        assert run.honesty["choice_error"] == pytest.approx(np.mean([one["choice_error"] for one in records]))


def test_scored_positions_know_their_error(config: Config, tmp_path: Path) -> None:
    scored = replace(config, valuation=("oca",), positions="scored", layers=(1,), solver=("exact",))
    analyze(scored, tmp_path / "scored")
    assert pd.read_parquet(tmp_path / "scored/halves.oca/L01.parquet")["error"].notna().all()
    assert "one degree of freedom" not in "\n".join(verdicts(open_results(tmp_path / "scored")))


def test_one_example_has_no_halves(config: Config, tmp_path: Path) -> None:
    write_pairs(tmp_path / "one.jsonl", load_pairs(Path(config.text))[:1])
    one = replace(config, text=str(tmp_path / "one.jsonl"), layers=(1,), solver=("exact",))
    analyze(one, tmp_path / "one")
    assert record(tmp_path / "one", "pas", 1) == {
        "examples": [0, 1], "correlation": None, "overlap": None, "adjusted_rand": None, "choice_error": None,
        "queries": 1, "shared_queries": 0,
    }  # fmt: skip
    results = open_results(tmp_path / "one")
    assert not any(name.startswith(("halves", "choice")) for run in results.runs for name in run.honesty)
    assert "pas: one example has no halves" in "\n".join(verdicts(results))


def test_a_folder_without_halves_is_read(whole: Path, tmp_path: Path) -> None:
    """As earlier versions wrote them."""
    shutil.copytree(whole, tmp_path / "tiny")
    manifest = json.loads((tmp_path / "tiny/manifest.json").read_text())
    manifest["units"] = {name: one for name, one in manifest["units"].items() if not name.startswith("halves")}
    (tmp_path / "tiny/manifest.json").write_text(json.dumps(manifest))
    before, after = open_results(whole), open_results(tmp_path / "tiny")
    assert "halves" not in "\n".join(verdicts(after))
    assert before.fingerprint(before.runs[0]) != after.fingerprint(after.runs[0])
