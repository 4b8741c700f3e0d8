"""What an import says of a model, with and without one, and the mistakes that leave no folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline.importing.conftest import LAYERS
from tiny import D_FF

from hedonic_graph.config import ImportConfig
from hedonic_graph.errors import UserError
from hedonic_graph.partitions.readers import Coalitions
from hedonic_graph.pipeline.importing import import_partitions
from hedonic_graph.results import open_results
from hedonic_graph.summary import layer_rows, table, verdicts


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
    assert results.analysis.manifest["model"]["card"]["tuning"]["steps"][0]["rank"] == 3


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
