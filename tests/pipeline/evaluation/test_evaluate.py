"""What an evaluation redoes, what it survives, what reads it, and that nothing half-written is taken for whole."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from hedonic_graph.cli import main
from hedonic_graph.config import Config
from hedonic_graph.evaluation_summary import evaluation_rows, evaluation_verdicts
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.evaluation import dropping
from hedonic_graph.pipeline.evaluation.evaluate import evaluate
from hedonic_graph.pipeline.evaluation.options import EvaluationOptions, task_named
from hedonic_graph.results import open_results
from hedonic_graph.results.reader import AnalysisResults


def again(folder: Path) -> Config:
    """The configuration that made a folder."""
    values = json.loads((folder / "manifest.json").read_text())["config"].items()
    return Config(**{name: tuple(one) if isinstance(one, list) else one for name, one in values})


def checksums(folder: Path) -> dict[str, str]:
    units = json.loads((folder / "manifest.json").read_text())["units"]
    return {file: entry["sha256"] for unit in units.values() for file, entry in unit["files"].items()}


def test_second_time_nothing_is_done(evaluated_copy: Path, everything: EvaluationOptions) -> None:
    before, manifest = checksums(evaluated_copy), (evaluated_copy / "manifest.json").read_text()
    said: list[str] = []
    assert evaluate(everything, evaluated_copy, report=said.append) == []
    assert said == []
    assert (checksums(evaluated_copy), (evaluated_copy / "manifest.json").read_text()) == (before, manifest)
    # Nor does analyze touch what it finds.
    assert analyze(again(evaluated_copy), evaluated_copy) == []
    assert checksums(evaluated_copy) == before


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"permutations": 49}, {"alignment"}),
        ({"groups": 20}, {"synergy"}),
        ({"random_groups": 2}, {"drop.random"}),
        ({"per_class": 1}, {"synergy", "drop"}),
        ({"features": 1}, {"predictivity"}),
        ({"train_examples": 30}, {"train/", "train.capture", "predictivity"}),
        (
            {"permutations": 49, "runs": ("pas.exact",), "layers": (2,), "what": ("alignment",)},
            {"alignment.pas.exact/L02"},
        ),
    ],
)  # fmt: skip
def test_a_change_redoes_what_hangs_on_it_and_no_more(
    evaluated_copy: Path, everything: EvaluationOptions, change: dict[str, Any], stages: set[str]
) -> None:
    done = evaluate(replace(everything, **change), evaluated_copy)
    assert done
    assert all(any(unit.startswith(stage) for stage in stages) for unit in done), done
    assert all(any(unit.startswith(stage) for unit in done) for stage in stages), done


def test_without_a_training_text_synergy_and_alignment_are_evaluated(copy: Path) -> None:
    done = evaluate(EvaluationOptions(per_class=1, permutations=9, groups=9, runs=("pas.exact",), layers=(1,)), copy)
    assert done == ["synergy.pas.exact/L01", "alignment.pas.exact/L01"]
    results = open_results(copy)
    first, other = results.runs[:2]
    assert results.evaluation("synergy", first, 1) is not None
    for absent in ((first, 2), (other, 1)):
        assert results.evaluation("synergy", *absent) is None
        assert "pair" not in results.coalitions(*absent)
    assert results.predictivity("pas", 1) is None and results.random_drops(1) is None
    assert results.evaluated["task"] == "cqtr"
    assert [row["layer"] for row in evaluation_rows(results, first)] == [1]
    assert evaluation_rows(results, other) == []


def test_what_came_of_another_state_of_the_analysis_counts_as_absent(evaluated_copy: Path) -> None:
    def there() -> dict[str, bool]:
        results = open_results(evaluated_copy)
        found = {}
        for run in results.runs:
            for stage in ("synergy", "drop", "alignment"):
                found[f"{stage}.{run.id.split('/')[1]}"] = results.evaluation(stage, run, 1) is not None
                assert (stage in results.contents(run)) == found[f"{stage}.{run.id.split('/')[1]}"]
            found[f"predictivity.{run.valuation}"] = results.predictivity(str(run.valuation), 1) is not None
        return found | {"random": results.random_drops(1) is not None}

    assert all(there().values())
    # With other draws pac finds other coalitions; the other solvers draw none, or not from these.
    analyze(replace(again(evaluated_copy), samples=300, window=30), evaluated_copy)
    now = there()
    gone = {name for name, held in now.items() if not held}
    assert gone == {
        "predictivity.pas",
        "predictivity.oca",
        "random",
        *(f"{stage}.{run}.pac.0" for stage in ("synergy", "drop", "alignment") for run in ("pas", "oca")),
    }


def test_readers(evaluated: Path) -> None:
    results = open_results(evaluated)
    for run in results.runs:
        for layer in (1, 2):
            name = f"{run.id.split('/')[1]}/L{layer:02d}"
            coalitions = results.coalitions(run, layer).set_index("coalition")
            for stage, columns in {
                "synergy": ["pair", "ratio"],
                "drop": ["drop"],
                "alignment": ["r2", "feature"],
            }.items():
                raw = pd.read_parquet(evaluated / f"{stage}.{name}.parquet").set_index("coalition")
                for column in columns:
                    known = coalitions[column].dropna()
                    assert known.to_dict() == raw[column].dropna().to_dict()
            edges = pd.read_parquet(evaluated / f"alignment.{name}.edges.parquet")
            pd.testing.assert_frame_equal(results.alignments(run, layer), edges)
        assert {"synergy", "drop", "alignment"} < results.contents(run).keys()
    assert results.evaluated["metric"] == "-mse" and results.evaluated["config"]["seed"] == 3
    assert results.evaluated["finished"] is not None


def test_means_beside_chance(evaluated: Path) -> None:
    results = open_results(evaluated)
    run = results.runs[4]
    for row in evaluation_rows(results, run):
        name = f"{run.id.split('/')[1]}/L{row['layer']:02d}"
        synergy, alignment, drop = (
            pd.read_parquet(evaluated / f"{stage}.{name}.parquet") for stage in ("synergy", "alignment", "drop")
        )
        by_chance = pd.read_parquet(evaluated / f"drop.random/L{row['layer']:02d}.parquet")
        assert (row["pair"], row["pair_chance"]) == (synergy["pair"].mean(), synergy["chance"].mean())
        assert (row["r2"], row["r2_chance"]) == (alignment["r2"].mean(), alignment["chance"].mean())
        assert row["r2_beyond"] == sum(p <= 0.05 for p in alignment["p"])
        assert row["drop"] == pytest.approx(drop["drop"].mean())
        beside = [by_chance["drop"][by_chance["size_class"] == one].mean() for one in drop["size_class"]]
        assert row["drop_chance"] == pytest.approx(np.mean(beside))
    said = evaluation_verdicts(results)
    assert said[0].startswith("nothing says which text the adapter was trained on")
    # A model of random weights has nothing to find.
    assert sum("Pair is measured on the examples that PAS found" in line for line in said) == 1
    assert len(said) in (14, 15) and sum(line.endswith("no more than chance gives") for line in said) >= 11


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Interrupt the third sweep of ablated models, once, a group in each; return the groups that were ablated."""
    ablated: list[bytes] = []
    interrupted: list[bool] = []
    scores = dropping.Restart.scores

    def counted(self: Any, groups: Any, **options: Any) -> Any:
        if len(ablated) == 2 and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        [group] = groups
        ablated.append(group.tobytes())
        return scores(self, groups, **options)

    monkeypatch.setattr(dropping, "MEMORY", 1)
    monkeypatch.setattr(dropping.Restart, "scores", counted)
    return ablated


def test_an_interrupted_drop_continues_within_a_run(
    copy: Path, evaluated: Path, everything: EvaluationOptions, stopping: list[bytes]
) -> None:
    options = replace(everything, what=("drop",), layers=(2,), runs=("oca.exact",))
    with pytest.raises(KeyboardInterrupt):
        evaluate(options, copy)
    assert open_results(copy).evaluated["finished"] is None
    assert not any(name.startswith("drop") for name in checksums(copy))
    assert evaluate(options, copy) == ["drop.oca.exact/L02", "drop.random/L02"]
    for unit in ("drop.oca.exact/L02", "drop.random/L02"):
        one, other = (pd.read_parquet(folder / f"{unit}.parquet") for folder in (copy, evaluated))
        pd.testing.assert_frame_equal(one, other, atol=1e-5)
    # No group is ablated again.
    assert len(stopping) == len(set(stopping)) > 4
    assert not list(copy.glob(".drop*"))


def test_a_damaged_table_is_named_and_made_again(evaluated_copy: Path, everything: EvaluationOptions) -> None:
    file = evaluated_copy / "alignment.pas.exact/L01.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    found = CliRunner().invoke(main, ["ingest", str(evaluated_copy), "--store", str(evaluated_copy.parent / "store")])
    assert found.exit_code == 2
    assert "run the evaluate command again to rebuild it" in found.stderr
    said: list[str] = []
    assert evaluate(everything, evaluated_copy, report=said.append) == ["alignment.pas.exact/L01"]
    assert "computing it again" in said[0]


def test_the_command_prints_tables_and_json(evaluated: Path, everything: EvaluationOptions) -> None:
    arguments = ["evaluate", str(evaluated), "--train-text", str(everything.train_text), "--train-examples", "50"]
    arguments += [part for what in everything.what for part in ("--what", what)]
    arguments += ["--per-class", "2", "--groups", "50", "--permutations", "99", "--random-groups", "3", "--seed", "3"]
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0, found.output
    assert "is up to date: nothing to do" in found.stderr
    assert "judged/oca.kmeans.0" in found.stdout and "In brackets: what chance gives" in found.stdout
    record = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert record["runs"]["judged/pas.exact"][0]["drop"] is not None
    assert {row["macro-features of"] for row in record["predictivity"]} > {"raw neurons", "mean", "pas.exact"}


@pytest.fixture
def ranked(copy: Path, trec: Path) -> Path:
    """An analysis for rm."""
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["config"]["task"] = "RM"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy


def test_relevance_is_measured_by_judgements(ranked: Path, trec: Path, positives: Path) -> None:
    options = EvaluationOptions(
        what=("drop", "predictivity"), runs=("pas.exact",), layers=(2,), train_text=str(positives), train_examples=60,
        drop_pairs=9, per_class=1, random_groups=1,
    )  # fmt: skip
    evaluate(options, ranked)
    results: AnalysisResults = open_results(ranked)
    assert (results.evaluated["task"], results.evaluated["metric"]) == ("rm", "ndcg@10")
    record = results.evaluation_record("drop", results.runs[0], 2)
    # Two whole queries of four passages, and never the one that nobody judged.
    assert record is not None and (record["metric"], record["examples"], record["queries"]) == ("ndcg@10", 8, 2)
    assert 0 <= record["full"] <= 1
    found = results.predictivity("pas", 2)
    assert found is not None
    qrels = {tuple(line.split()[::2]): int(line.split()[3]) for line in (trec / "qrels.txt").read_text().splitlines()}
    pairs = [json.loads(line) for line in (ranked / "text/pairs.jsonl").read_text().splitlines()]
    grades = [qrels[one["qid"], one["docid"]] / 3 for one in pairs if (one["qid"], one["docid"]) in qrels]
    labels = [json.loads(line)["label"] for line in (ranked / "train/pairs.jsonl").read_text().splitlines()]
    assert set(labels) == {0.0, 1.0} and len(grades) == 18
    wanted = 1 - np.sum((np.array(grades) - np.mean(labels)) ** 2) / (np.var(grades) * 18)
    assert found.set_index("run").loc["mean", "r2"] == pytest.approx(wanted)


def test_an_adapter_that_saw_the_text_is_named(
    copy: Path, tiny_adapter: Path, tiny_base: Path, trec: Path, tmp_path: Path
) -> None:
    import hashlib

    adapter = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, adapter)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["config"]["adapter"] = str(adapter)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    queries = [line.split("\t")[1] for line in (trec / "queries.tsv").read_text().splitlines()]
    asked = ["merges yes", *queries[:3], *(f"graph {number}" for number in range(8))]
    text = tmp_path / "train.jsonl"
    text.write_text("".join(json.dumps({"qid": n, "query": q, "positive": f"{n} other words"}) + "\n"
                            for n, q in enumerate(asked)))  # fmt: skip
    recipe = {"model": "m", "task": "cqtr", "text": str(text), "leave_out": [], "held_out": 1, "seed": 0}
    recipe["text_file"] = hashlib.sha256(text.read_bytes()).hexdigest()
    (adapter / "tuning.json").write_text(json.dumps({"schema": 1, "recipe": recipe}))
    (adapter / "scores.json").write_text(json.dumps({"task": "cqtr", "texts": []}))
    options = EvaluationOptions(what=("alignment",), runs=("pas.exact",), layers=(1,), permutations=9)
    evaluate(options, copy)
    record = open_results(copy).evaluated
    assert record["adapter_scores"] == {"task": "cqtr", "texts": []}
    # One query of twelve was held out.
    assert record["overlap"]["of"] == 7 and record["overlap"]["queries"] in (2, 3)
    assert "it is not out of its domain" in evaluation_verdicts(open_results(copy))[0]
    text.write_text(text.read_text() + "\n")
    (adapter / "tuning.json").write_text(json.dumps({"schema": 1, "recipe": recipe | {"seed": 1}}))
    assert evaluate(options, copy) == []
    assert "is another text than it was then" in evaluation_verdicts(open_results(copy))[0]


@pytest.mark.parametrize(
    ("label", "task"),
    [
        ("CQTR", "cqtr"),
        ("Mean-TF/L", "mean-tf-l"),
        (" rm ", "rm"),
        ("mean_tf_l", "mean-tf-l"),
        ("NER", None),
        (None, None),
    ],
)
def test_what_a_label_means(label: str | None, task: str | None) -> None:
    assert task_named(label) == task
