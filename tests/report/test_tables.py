"""The command on analyses of the tiny model: layouts by hand, verdicts of known truth, mistakes in one line."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from report.evaluations import note, write, write_predictivity, write_random_drops
from tiny import save_adapter

from hedonic_graph.analysis import Analysis
from hedonic_graph.cli import main
from hedonic_graph.report.paper import published
from hedonic_graph.results import open_results


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["table", *map(str, arguments)])


def answer(*arguments: object) -> dict[str, Any]:
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def csv(*arguments: object) -> pd.DataFrame:
    done = call(*arguments, "--format", "csv")
    assert done.exit_code == 0, done.output
    return pd.read_csv(io.StringIO(done.stdout))


def words(found: dict[str, Any]) -> dict[str, str]:
    """The verdicts on the paper's own method by claim."""
    return {one["claim"]: one["verdict"] for one in found["verdicts"] if one["of"].startswith("Hedonic (PAS)")}


def complain(*arguments: object) -> str:
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1]


def change_lineage(folder: Path, run: str, counts: dict[str, int], chance: dict[str, float]) -> None:
    """Put counts of fates into the step from layer 1 to 2."""
    with Analysis.writing(folder) as analysis:
        unit = f"lineage.{run}/L01"
        record = json.loads(analysis.file(unit, ".json").read_text())
        record["counts"] |= counts
        record["chance"] |= chance
        analysis.commit(unit, "made up", lambda stem: stem.with_suffix(".json").write_text(json.dumps(record)) and None)


def test_table_3_averages_seeds_beside_shuffled_membership(copy: Path) -> None:
    fates = ("persist", "merge", "split", "vanish")
    for seed, counts in enumerate([(1, 0, 4, 15), (3, 0, 4, 13), (2, 0, 4, 14)]):
        chance = dict(zip(fates, (1.0, 0.0, 1.0, 18.0), strict=True))
        change_lineage(copy, f"pas.pac.{seed}", dict(zip(fates, counts, strict=True)), chance)
    found = csv(3, copy, "--paper")
    row = found[(found["method"] == "Hedonic (PAS)") & (found["step"] == "1→2")].iloc[0]
    assert row[[f"{fate}_pct" for fate in fates]].tolist() == pytest.approx([10, 0, 20, 70])
    assert row[[f"{fate}_pct_chance" for fate in fates]].tolist() == pytest.approx([5, 0, 5, 90])
    assert row["coalitions"] == 20
    # Three shares of 20: 4 of 24, and as much again in the others.
    p = np.array([3, 5, 4]) / 24
    assert row["persist_pct_ci"] == pytest.approx(1.96 * 100 * np.sqrt((p * (1 - p) / 24).sum()) / 3, rel=1e-3)
    assert (found["model"] == "LLaMA-3.1-8B (paper)").sum() == 7
    text = call(3, copy, "--paper").stdout
    line = next(one for one in text.splitlines() if one.startswith("CQTR  Hedonic (PAS)  1→2"))
    assert line.split()[4:8] == ["10.0", "±", "8.6", "(5.0)"]
    assert "59.0 / 61.4" not in text
    assert "61.4 / 59.0 / 60.3" in text


def test_verdicts_of_a_method_that_is_better_in_everything(evaluated: Path) -> None:
    six, one, two = (words(answer(number, evaluated)) for number in (6, 1, 2))
    assert (six["1 Pair"], six["1 Ratio"]) == ("holds here", "holds here")
    says = {item["claim"]: item["says"] for item in answer(6, evaluated)["verdicts"]}
    # Of Pair alone the paper's unit is another.
    assert says["1 Pair"].endswith(
        "at equal size (the published size counts as a share of the larger mean, as the unit is another)"
    )
    assert says["1 Ratio"].endswith("at equal size")
    # Nobody ran ward, so the best baseline is not known.
    assert six["10"] == "cannot tell"
    assert (one["2"], one["3"]) == ("cannot tell", "holds here")
    assert two["4"] == "holds here"
    clusters = [item for item in answer(1, evaluated)["verdicts"] if item["claim"] == "2"]
    assert {item["verdict"] for item in clusters} == {"holds here", "cannot tell"}
    assert "no run of ward" in clusters[-1]["reason"]


def test_a_method_that_is_no_better_does_not_pass_for_one(copy: Path) -> None:
    write(
        copy,
        "synergy",
        lambda run, sizes, draw: {
            "psi": 1.0, "pair": 1e-5 + 1e-7 * draw.normal(size=len(sizes)), "pair_error": 0.0, "chance": 1e-5,
            "ratio": 0.5 + 0.01 * draw.normal(size=len(sizes)),
        },
    )  # fmt: skip
    write(
        copy,
        "drop",
        lambda run, sizes, draw: {
            "drop": (0.05 if run.startswith("pas.pac") else 0.025) + 0.001 * draw.normal(size=len(sizes)),
            "low": 0.0, "high": 0.001,
        },
    )  # fmt: skip
    write_predictivity(copy, lambda run: 0.3, half=0.5)
    six, two = words(answer(6, copy)), words(answer(2, copy))
    assert (six["1 Pair"], six["1 Ratio"]) == ("does not", "does not")
    assert two["4"] == "cannot tell"
    drops = answer(1, copy)["verdicts"]
    # Twice as much is not three times as much; without random groups nothing but that could be said.
    assert next(one for one in drops if one["claim"] == "2")["verdict"] == "does not"
    assert any("--what alignment" in line for line in answer(1, copy)["notes"])


def test_table_6_by_hand(copy: Path) -> None:
    values: Callable[[str, np.ndarray, np.random.Generator], dict[str, Any]] = lambda run, sizes, draw: {  # noqa: E731
        "psi": 1.0, "pair": sizes / 10, "ratio": 0.5, "pair_error": 0.0, "chance": sizes / 100,
    }  # fmt: skip
    write(copy, "synergy", values)
    found = csv(6, copy, "--paper").set_index("method")
    results = open_results(copy)
    means = []
    for run in results.runs:
        if run.solver == "pac":
            for layer in results.layers:
                sizes = np.bincount(results.members(run, layer)["coalition"])
                means.append(sizes[sizes >= 2].mean())
    assert found.loc["Hedonic (PAS)"]["pair"].iloc[0] == pytest.approx(np.mean(means) / 10)
    assert found.loc["Hedonic (PAS)"]["pair_chance"].iloc[0] == pytest.approx(np.mean(means) / 100)
    # The random groups have the very sizes of the coalitions, so that equal size makes them equal.
    assert found.loc["Random"]["pair_equal"].iloc[0] == pytest.approx(found.loc["Hedonic (PAS)"]["pair_equal"].iloc[0])
    assert len(found[found["model"] == "Mistral-7B-v0.1 (paper)"]) == 5
    layers = csv(6, copy, "--by", "layer")
    assert sorted(layers["layer"].unique()) == [1, 2, 3]
    assert layers.groupby("method")["pair"].mean()["Random"] == pytest.approx(found.loc["Random"]["pair"].iloc[0])


def test_the_drop_by_size_beside_random_groups_of_that_size(copy: Path) -> None:
    grows: Callable[[str, np.ndarray, np.random.Generator], dict[str, Any]] = lambda run, sizes, draw: {  # noqa: E731
        "drop": sizes / 100 + 0.001 * draw.normal(size=len(sizes)), "low": 0.0, "high": 0.001,
    }  # fmt: skip
    write(copy, "drop", grows)
    write_random_drops(copy, 0.004)
    found = csv(1, copy, "--by", "size")
    mine = found[found["method"] == "Hedonic (PAS)"].set_index("size")
    results = open_results(copy)
    runs = [run for run in results.runs if run.id.partition("/")[2].startswith("pas.pac")]
    held = [np.bincount(results.members(run, layer)["coalition"]) for run in runs for layer in results.layers]
    for label, low, high in (("2", 2, 2), ("3-4", 3, 4), ("5-8", 5, 8)):
        means = [sizes[(sizes >= low) & (sizes <= high)] for sizes in held]
        # Of a class every run and layer that has it counts as much as another, by how many it has.
        if label in mine.index:
            assert low / 100 - 0.002 < mine.loc[label, "ood_drop"] < high / 100 + 0.002
            assert mine.loc[label, "ood_drop_chance"] == pytest.approx(0.004)
        assert (label in mine.index) == any(len(one) for one in means)
    assert len(mine) > 1 and mine["ood_drop"].is_monotonic_increasing
    assert "ood_drop_equal" not in found
    text = call(1, copy, "--by", "size", "--paper").stdout.splitlines()
    assert ["task", "method", "size"] in [line.split()[:3] for line in text]


def test_one_seed_or_one_layer_is_not_enough(evaluated: Path) -> None:
    with Analysis.writing(evaluated) as analysis:
        for unit in list(analysis.manifest["units"]):
            if unit.startswith(("synergy.", "predictivity.")) and not unit.endswith("L01"):
                del analysis.manifest["units"][unit]
        analysis.save()
    six = answer(6, evaluated)["verdicts"]
    assert {one["verdict"] for one in six if one["claim"].startswith("1")} == {"cannot tell"}
    assert "one layer: how far it hangs on the layer is not known" in six[0]["reason"]
    assert "one layer" in answer(2, evaluated)["verdicts"][0]["reason"]


def test_models_and_tasks_stand_apart(evaluated: Path, tiny_base: Path, tmp_path: Path) -> None:
    from report.conftest import CONFIG

    from hedonic_graph.config import Config
    from hedonic_graph.pipeline.analyze import analyze

    adapter = save_adapter(tiny_base, tmp_path / "other & 100%", seed=5)
    text = open_results(evaluated).analysis.manifest["config"]["text"]
    other = tmp_path / "other"
    analyze(Config(**(CONFIG | {"model": str(tiny_base), "adapter": str(adapter), "text": text})), other)
    found = csv(3, evaluated, other)
    assert set(found["model"]) == {"tiny + tiny-lora", "tiny + other & 100%"}
    assert r"tiny + other \& 100\%: persist \%" in call(3, evaluated, other, "--format", "latex").stdout
    assert "other holds no evaluation of synergy: run `hedonic-graph evaluate" in complain(6, evaluated, other)
    note(other, task="rm", metric="ndcg@10")
    found = csv(3, evaluated, other)
    assert set(found["model"]) == {"tiny"}
    assert set(found["task"]) == {"CQTR", "RM"}


def scores(task: str, rows: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {"task": task, "texts": [{"name": "dl, 19", "prompts": 430, "rows": rows}]}


ROWS = {
    "mean of the training labels": {"mse": 0.09, "r2": 0.0}, "bm25, fitted": {"mse": 0.08, "r2": 0.1},
    "untrained base": {"mse": 0.5, "r2": -4.0}, "tuned": {"mse": 0.03, "r2": 0.6},
}  # fmt: skip


def test_tables_4_and_5_from_a_folder_of_finetune_and_from_an_analysis(copy: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "lora"
    adapter.mkdir()
    (adapter / "scores.json").write_text(json.dumps(scores("cqtr", ROWS)))
    note(copy, task="cqtr", metric="-mse", adapter_scores=scores("cqtr", ROWS))
    lines = call(5, adapter, copy, "--paper").stdout.splitlines()
    assert lines[2].split("  ")[0] == "model"
    assert [one.split() for one in lines[4:6]] == [
        ["lora", "CQTR", "dl,", "19", "430", "0.5", "0.03", "0.09", "0.08"],
        ["tiny", "+", "tiny-lora", "CQTR", "dl,", "19", "430", "0.5", "0.03", "0.09", "0.08"],
    ]
    assert any(line.split()[:2] == ["Mistral-7B-v0.1", "(paper)"] for line in lines)
    assert "these are of CQTR: see Table 5" in complain(4, adapter)
    ranked = {"order of bm25": {"ndcg@10": 0.5058, "ndcg@10 exponential": 0.4364}, "tuned": {"ndcg@10": 0.6}}
    (adapter / "scores.json").write_text(json.dumps(scores("rm", ranked)))
    read = csv(4, adapter, "--paper")
    assert read["ndcg10_order"].iloc[0] == 0.5058
    assert read["ndcg10_exponential_order"].iloc[0] == 0.4364
    assert read["ndcg10_exponential_tuned"].tolist()[1:] == [0.7497, 0.7570, 0.7521]


def test_an_adapter_that_was_scored_is_found_through_the_analysis(copy: Path, tiny_adapter: Path) -> None:
    assert "its adapter has no scores" in complain(5, copy)
    path = tiny_adapter / "scores.json"
    path.write_text(json.dumps(scores("cqtr", ROWS)))
    try:
        assert csv(5, copy)["mse_tuned"].tolist() == [0.03]
        path.write_text("{")
        assert "scores.json is damaged" in complain(5, copy)
        path.write_text('{"task": 3}')
        assert "are not those of finetune" in complain(5, copy)
    finally:
        path.unlink()


def test_mistakes(bare: Path, copy: Path, tmp_path: Path) -> None:
    assert "7 is not in the range 1<=x<=6" in complain(7, bare)
    assert "no analysis at" in complain(3, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "is no analysis: it has no manifest.json" in complain(6, tmp_path / "empty")
    assert "is no analysis and no adapter" in complain(5, tmp_path / "empty")
    assert f"{bare} holds no evaluation of synergy: run `hedonic-graph evaluate {bare} --what synergy`" in complain(
        6, bare
    )
    assert "--what predictivity" in complain(2, bare)
    assert "--what drop --what alignment" in complain(1, bare)
    assert "is given twice" in complain(3, bare, bare / ".." / bare.name)
    assert "--by layer is for Tables 1, 2 and 6" in complain(3, bare, "--by", "layer")
    assert "Table 2 is not an average over sizes; --by size is for Tables 1 and 6" in complain(2, bare, "--by", "size")
    shutil.rmtree(copy / "lineage.pas.pac.0")
    assert "is missing: run the analyze command again" in complain(3, copy)


def test_an_evaluation_of_other_coalitions_is_refused(copy: Path) -> None:
    write(copy, "drop", lambda run, sizes, draw: {"size_class": 9, "drop": 0.1, "low": 0.0, "high": 0.0})
    assert "is of other coalitions than the analysis now holds" in complain(1, copy)


@pytest.mark.parametrize("number", range(1, 7))
def test_the_papers_figures_are_in_the_package(number: int) -> None:
    shared = Path(__file__).parents[3] / "shared" / "paper" / f"table{number}.csv"
    if not shared.is_file():
        pytest.skip("the paper's figures are not beside the repository")
    assert published(number).sort_index().equals(pd.read_csv(shared))
