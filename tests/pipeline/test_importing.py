"""Partitions of an analysis go out as files and come back as an import, with the same lineage."""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipeline.test_analyze import contents
from tiny import D_FF

from hedonic_graph.config import Config, ImportConfig
from hedonic_graph.errors import UserError
from hedonic_graph.partitions.layers import gather
from hedonic_graph.partitions.readers import Coalitions
from hedonic_graph.pipeline import capturing, importing, tracking
from hedonic_graph.pipeline.analyze import analyze
from hedonic_graph.pipeline.importing import import_partitions
from hedonic_graph.results import open_results
from hedonic_graph.summary import layer_rows, table, verdicts

LAYERS = (1, 2, 3)


def export(analysis: Path, run: str, folder: Path) -> dict[int, Coalitions]:
    """Write a run's partitions as pickles, shuffled in themselves, and read them as an import does."""
    results = open_results(analysis)
    info = next(info for info in results.runs if info.id.endswith(f"/{run}"))
    draw = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for layer in results.layers:
        members = results.members(info, layer).groupby("coalition")["neuron"]
        coalitions = [[int(one) for one in draw.permutation(neurons)] for _, neurons in members]
        draw.shuffle(coalitions)
        (folder / f"L{layer:02}.pkl").write_bytes(pickle.dumps(coalitions))
    return gather(sorted(folder.glob("*.pkl")))[0]


@pytest.fixture(scope="session")
def exact(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Coalitions]:
    return export(whole, "pas.exact", tmp_path_factory.mktemp("exact"))


@pytest.fixture(scope="session")
def pac(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Coalitions]:
    return export(whole, "pas.pac.0", tmp_path_factory.mktemp("pac"))


@pytest.fixture(scope="session")
def asked(config: Config) -> ImportConfig:
    """The model, text and options of the analysis that the partitions are from."""
    names = ("model", "adapter", "text", "task", "layers", "batch_size")
    return ImportConfig(**{name: getattr(config, name) for name in names})


@pytest.fixture(scope="session")
def both(
    asked: ImportConfig,
    exact: dict[int, Coalitions],
    pac: dict[int, Coalitions],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Two imports in one folder; a test that changes it works on a copy."""
    folder = tmp_path_factory.mktemp("imports") / "published"
    import_partitions(asked, exact, folder)
    import_partitions(asked, pac, folder, name="pac")
    return folder


@pytest.fixture
def copy(both: Path, tmp_path: Path) -> Path:
    shutil.copytree(both, tmp_path / "published")
    return tmp_path / "published"


def test_lineage_is_that_of_the_analysis_the_partitions_are_from(both: Path, whole: Path) -> None:
    theirs, ours = contents(whole), contents(both)
    for run, name in (("pas.exact", "imported"), ("pas.pac.0", "imported.pac")):
        for layer in (1, 2):
            for suffix in (".safetensors", ".json"):
                assert ours[f"lineage.{name}/L{layer:02}{suffix}"] == theirs[f"lineage.{run}/L{layer:02}{suffix}"]
    before, after = open_results(whole), open_results(both)
    assert after.model == before.model
    assert [run.id for run in after.runs] == ["published/imported", "published/imported.pac"]
    for run, source in zip(after.runs, (before.runs[0], before.runs[1]), strict=True):
        assert (run.valuation, run.solver, run.seed, run.layers) == (None, "imported", None, LAYERS)
        for layer in LAYERS:
            assert after.coalitions(run, layer).equals(before.coalitions(source, layer))
            assert after.edges(run, layer, 5).equals(before.edges(source, layer, 5))
            members, known = after.members(run, layer), before.members(source, layer)
            assert members[["neuron", "coalition"]].equals(known[["neuron", "coalition"]])
            assert members.dtypes.equals(known.dtypes)
            assert members["utility"].isna().all()
        assert not any(name.startswith(("blocking", "second", "seed")) for name in run.honesty)
        lineage = {name for name in run.honesty if "shuffled" in name or "edges" in name}
        assert {name: run.honesty[name] for name in lineage} == {name: source.honesty[name] for name in lineage}
        assert len(lineage) == 6


def test_nothing_is_made_up_of_a_valuation(both: Path) -> None:
    results = open_results(both)
    for one in (results.preferences, results.preferences_fingerprint):
        with pytest.raises(UserError, match=r"does not hold phi\.pas/L01|nothing is known of any valuation"):
            one("pas", 1)
    assert results.second_order(results.runs[0], 1) is None
    assert results.agreement(results.runs[0], 1) is None
    said = "\n".join(verdicts(results))
    assert "imported partitions come without a valuation: nothing is said of their stability" in said
    assert "under shuffled membership" in said
    assert "blocked" not in said
    units = json.loads((both / "manifest.json").read_text())["units"]
    assert not any(unit.startswith(("phi", "moments", "agreement")) for unit in units)


def test_what_made_a_run_is_kept(both: Path, exact: dict[int, Coalitions]) -> None:
    run = open_results(both).runs[0]
    assert run.parameters["files"] == ", ".join(str(exact[layer].file) for layer in LAYERS)
    assert run.parameters["mass"] == "composite"
    files = json.loads(run.config)["files"]
    assert [(file["layer"], file["sha256"]) for file in files] == [(one, exact[one].sha256) for one in LAYERS]
    assert run.task == "CQTR"


def test_second_time_nothing_is_done(both: Path, asked: ImportConfig, exact: dict[int, Coalitions]) -> None:
    before = {path: path.stat().st_mtime_ns for path in both.glob("*/L*")}
    manifest = json.loads((both / "manifest.json").read_text())
    said: list[str] = []
    assert import_partitions(asked, exact, both, report=said.append) == []
    assert said == []
    assert before == {path: path.stat().st_mtime_ns for path in both.glob("*/L*")}
    assert json.loads((both / "manifest.json").read_text()) == manifest


def test_a_second_import_captures_nothing_again(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], pac: dict[int, Coalitions]
) -> None:
    first = import_partitions(asked, exact, tmp_path / "a")
    kinds = ("partition.imported", "text", "capture", "lineage.imported")
    assert {unit.rpartition("/")[0] for unit in first} == set(kinds)
    second = import_partitions(asked, pac, tmp_path / "a", name="pac")
    assert {unit.rpartition("/")[0] for unit in second} == {"partition.imported.pac", "lineage.imported.pac"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shuffles": 3}, r"holds imported, whose shuffles is 20, not 3: the runs of a folder share"),
        ({"task": None}, "whose task is CQTR, not None"),
        ({"max_tokens": 3}, "whose max_tokens is 512, not 3"),
        ({"text": "other"}, r"whose text \(by its checksum\) is [0-9a-f]{8}, not [0-9a-f]{8}:"),
        ({"text": None, "batch_size": 16}, "whose text .* is [0-9a-f]{8}, not None"),
        (
            {"model": None, "adapter": None, "text": None, "batch_size": 16, "neurons": D_FF},
            "whose model is tiny.*, not unknown@published",
        ),
    ],
)
def test_the_runs_of_a_folder_share_what_they_hang_on(
    copy: Path, asked: ImportConfig, pac: dict[int, Coalitions], change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    if change.get("text") == "other":
        assert asked.text is not None
        lines = Path(asked.text).read_text().splitlines()[:5]
        (tmp_path / "other.jsonl").write_text("\n".join(lines))
        change = {"text": str(tmp_path / "other.jsonl")}
    before = (copy / "manifest.json").read_bytes()
    with pytest.raises(UserError, match=says):
        import_partitions(replace(asked, **change), pac, copy, name="third")
    assert (copy / "manifest.json").read_bytes() == before


def test_a_folder_without_text_takes_no_run_with_one(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], pac: dict[int, Coalitions]
) -> None:
    shape = ImportConfig(model=asked.model, adapter=asked.adapter, task=asked.task, layers=LAYERS)
    import_partitions(shape, exact, tmp_path / "a")
    with pytest.raises(UserError, match=r"whose text \(by its checksum\) is None, not [0-9a-f]{8}:"):
        import_partitions(asked, pac, tmp_path / "a", name="pac")


def test_the_same_text_from_another_place_is_the_same(
    copy: Path, asked: ImportConfig, pac: dict[int, Coalitions], tmp_path: Path
) -> None:
    assert asked.text is not None
    shutil.copy(asked.text, tmp_path / "copy.jsonl")
    changed = replace(asked, text=str(tmp_path / "copy.jsonl"), batch_size=3)
    assert import_partitions(changed, pac, copy, name="pac") == []


def test_other_partitions_of_a_name_need_replace(
    copy: Path, asked: ImportConfig, exact: dict[int, Coalitions], pac: dict[int, Coalitions]
) -> None:
    before = (copy / "manifest.json").read_bytes()
    with pytest.raises(UserError, match=r"published/imported holds other partitions \(layer 1 differs\)"):
        import_partitions(asked, pac, copy)
    assert (copy / "manifest.json").read_bytes() == before
    fingerprints = {run.id: open_results(copy).fingerprint(run) for run in open_results(copy).runs}
    done = import_partitions(asked, pac, copy, replace=True)
    assert {unit.rpartition("/")[0] for unit in done} == {"partition.imported", "lineage.imported"}
    results = open_results(copy, check=True)
    assert [run.id for run in results.runs] == list(fingerprints)
    changed = [run.id for run in results.runs if results.fingerprint(run) != fingerprints[run.id]]
    assert changed == ["published/imported"]
    assert results.edges(results.runs[0], 1, 5).equals(results.edges(results.runs[1], 1, 5))


def test_other_layers_of_a_name_need_replace(tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions]) -> None:
    import_partitions(asked, exact, tmp_path / "a")
    two = {layer: exact[layer] for layer in (2, 3)}
    with pytest.raises(UserError, match=r"a/imported holds other partitions \(layer 1 differs\)"):
        import_partitions(replace(asked, layers=(2, 3)), two, tmp_path / "a")
    assert import_partitions(replace(asked, layers=(2, 3)), two, tmp_path / "a", replace=True) == []
    results = open_results(tmp_path / "a")
    assert results.runs[0].layers == (2, 3)
    assert results.coalitions(results.runs[0], 2)["origin"].isna().all()


def test_a_lone_run_takes_other_options_and_a_model_later(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], both: Path
) -> None:
    folder = tmp_path / "published"
    plain = ImportConfig(layers=LAYERS, neurons=D_FF)
    assert len(import_partitions(plain, exact, folder)) == 3
    done = import_partitions(asked, exact, folder)
    assert not any(unit.startswith("partition") for unit in done)
    theirs = contents(both)
    assert contents(folder) == {file: theirs[file] for file in contents(folder)}
    done = import_partitions(replace(asked, shuffles=3), exact, folder)
    assert done == ["lineage.imported/L01", "lineage.imported/L02"]


def stop(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


STAGES = {"keep_text": importing, "capture_layers": capturing, "track_step": tracking}


@pytest.mark.parametrize("stage", STAGES)
def test_cut_off_and_run_again(
    stage: str,
    tmp_path: Path,
    asked: ImportConfig,
    exact: dict[int, Coalitions],
    both: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "published"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(STAGES[stage], stage, stop)
        import_partitions(asked, exact, folder)
    with pytest.raises(UserError, match="is not finished: run the import command again"):
        open_results(folder)
    import_partitions(asked, exact, folder)
    theirs = contents(both)
    assert contents(folder) == {file: theirs[file] for file in contents(folder)}
    assert open_results(folder, check=True).runs[0].id == "published/imported"


def test_an_import_cut_off_leaves_the_other_runs_readable(
    copy: Path, asked: ImportConfig, pac: dict[int, Coalitions], monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = open_results(copy).fingerprint(open_results(copy).runs[1])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tracking, "track_step", stop)
        import_partitions(asked, pac, copy, replace=True)
    results = open_results(copy, check=True)
    assert [run.id for run in results.runs] == ["published/imported.pac"]
    assert results.fingerprint(results.runs[0]) == fingerprint
    # It was named again, so it need not be told to replace what is there no longer.
    import_partitions(asked, pac, copy)
    assert [run.id for run in open_results(copy).runs] == ["published/imported.pac", "published/imported"]


@pytest.mark.parametrize(
    "file", ["partition.imported/L02.parquet", "lineage.imported/L01.json", "capture/L03.safetensors"]
)
def test_damage_is_named_and_mended(
    copy: Path, asked: ImportConfig, exact: dict[int, Coalitions], both: Path, file: str
) -> None:
    (copy / file).write_bytes((copy / file).read_bytes()[:-3])
    with pytest.raises(UserError, match=r"is damaged .* run the import command again to rebuild it"):
        open_results(copy, check=True)
    said: list[str] = []
    assert import_partitions(asked, exact, copy, report=said.append) == [file.rpartition(".")[0]]
    assert any(file in line and "computing it again" in line for line in said)
    assert contents(copy) == contents(both)


def test_each_command_has_its_own_folders(
    copy: Path, whole: Path, config: Config, asked: ImportConfig, exact: dict[int, Coalitions]
) -> None:
    with pytest.raises(UserError, match=r"was made by `hedonic-graph import`: name another folder"):
        analyze(config, copy)
    with pytest.raises(UserError, match=r"was made by `hedonic-graph analyze`: name another folder"):
        import_partitions(asked, exact, whole)
    assert len(open_results(copy).runs) == 2


@pytest.fixture
def plain(tmp_path: Path, exact: dict[int, Coalitions]) -> Path:
    import_partitions(ImportConfig(layers=LAYERS, neurons=D_FF), exact, tmp_path / "plain")
    return tmp_path / "plain"


def test_without_a_model_there_are_coalitions_and_no_more(plain: Path, both: Path) -> None:
    results, followed = open_results(plain, check=True), open_results(both)
    (run,) = results.runs
    assert results.model.id == "unknown@plain"
    assert (results.model.d_ff, results.model.architecture, results.model.layers) == (D_FF, None, None)
    assert results.followed == ()
    for layer in LAYERS:
        coalitions = results.coalitions(run, layer)
        assert coalitions["size"].equals(followed.coalitions(followed.runs[0], layer)["size"])
        assert coalitions["fate"].isna().all()
        assert coalitions["origin"].isna().all()
        assert results.edges(run, layer, 20).empty
        assert results.members(run, layer)["utility"].isna().all()
    assert set(run.honesty) == {"largest_share"}
    assert set(run.parameters) == {"neurons", "files"}
    rows = layer_rows(results, run)
    columns, cells = table(rows)
    assert columns == ["layer", "coalitions", "of one", "largest %"]
    assert [len(line) for line in cells] == [4, 4, 4]
    assert "nor, without a model and text, of what becomes of them" in verdicts(results)[0]


def test_a_renamed_folder_keeps_its_unknown_model(plain: Path, pac: dict[int, Coalitions]) -> None:
    moved = plain.rename(plain.parent / "moved")
    import_partitions(ImportConfig(layers=LAYERS, neurons=D_FF), pac, moved, name="pac")
    assert open_results(moved).model.id == "unknown@plain"


def test_a_model_without_text_says_whose_neurons_they_are(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], whole: Path
) -> None:
    shape = ImportConfig(model=asked.model, adapter=asked.adapter, layers=LAYERS)
    import_partitions(shape, exact, tmp_path / "a")
    assert open_results(tmp_path / "a").model == open_results(whole).model
    assert open_results(tmp_path / "a").followed == ()


def test_a_model_without_adapter_or_head_will_do(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions]
) -> None:
    import_partitions(replace(asked, adapter=None), exact, tmp_path / "a")
    results = open_results(tmp_path / "a")
    assert results.coalitions(results.runs[0], 1)["fate"].notna().any()


@pytest.mark.parametrize(
    "options",
    [
        {"causal": True},
        {"causal": True, "modules_to_save": ["lm_head"]},
        {"task_type": None, "modules_to_save": None},
    ],
    ids=["generative", "generative with a head", "without a head"],
)
def test_an_adapter_of_any_kind_will_do(
    tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], tiny_base: Path, options: dict[str, Any]
) -> None:
    from tiny import save_adapter

    adapter = save_adapter(tiny_base, tmp_path / "lora", **options)
    import_partitions(replace(asked, adapter=str(adapter)), exact, tmp_path / "a")
    results = open_results(tmp_path / "a")
    assert results.coalitions(results.runs[0], 1)["fate"].notna().any()
    assert results.analysis.manifest["model"]["card"]["tuning"]["rank"] == 3


Change = Callable[[dict[int, Coalitions]], dict[int, Coalitions]]


def moved(number: int) -> Change:
    """Coalition 0 of layer 2 holds another neuron."""

    def change(found: dict[int, Coalitions]) -> dict[int, Coalitions]:
        members = {name: list(one) for name, one in found[2].members.items()}
        members["0"][0] = number
        return found | {2: replace(found[2], members=members)}

    return change


def same(found: dict[int, Coalitions]) -> dict[int, Coalitions]:
    return found


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (moved(D_FF), {}, rf"L02\.pkl, layer 2: coalition 0 holds neuron {D_FF}: neurons are 0 to {D_FF - 1}"),
        (same, {"neurons": D_FF + 1}, "--neurons 41, but a layer of tiny has 40"),
        (same, {"layers": (1, 2, 4)}, "tiny has no layer 4"),
        (same, {"text": "nowhere.jsonl"}, r"no text at nowhere\.jsonl"),
        (same, {"model": "./nowhere"}, r"no model at \./nowhere"),
        (same, {"adapter": "./nowhere"}, r"no adapter at \./nowhere"),
        (same, {"name": "a/b"}, "name 'a/b': at most 64 letters"),
        (same, {"device": "tpu9"}, "device 'tpu9' cannot be used"),
    ],
)
def test_mistakes_leave_no_folder(
    tmp_path: Path,
    asked: ImportConfig,
    exact: dict[int, Coalitions],
    change: Change,
    options: dict[str, Any],
    says: str,
) -> None:
    settings = {name: options.pop(name) for name in ("name", "device") if name in options}
    with pytest.raises(UserError, match=says):
        import_partitions(replace(asked, **options), change(exact), tmp_path / "new", **settings)
    assert not (tmp_path / "new").exists()


def test_an_adapter_that_fails_on_the_model_spoils_no_import(
    plain: Path, tmp_path: Path, asked: ImportConfig, exact: dict[int, Coalitions], tiny_base: Path
) -> None:
    from tiny import save_adapter

    adapter = save_adapter(tiny_base, tmp_path / "untrained", scale=0)
    before = (plain / "manifest.json").read_bytes()
    with pytest.raises(UserError, match="changes nothing in the MLP of layer 1"):
        import_partitions(replace(asked, adapter=str(adapter)), exact, plain)
    assert (plain / "manifest.json").read_bytes() == before
