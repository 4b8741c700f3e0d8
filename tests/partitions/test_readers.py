"""Partitions in every format: what goes out comes back, and what is wrong is named."""

import csv
import json
import pickle
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.game.partition import Partition
from hedonic_graph.partitions.layers import gather, layer_in_name, partition
from hedonic_graph.partitions.readers import read

Lists = list[list[int]]

FORMATS = ("p.pkl", "tuples.pkl", "sets.pickle", "p.json", "p.csv", "layers.pkl", "layers.json", "layers.csv")


def write(path: Path, coalitions: Lists, layer: int = 7) -> Path:
    """Write in the form that the name asks for: those of ``layers.`` say their layer, and have another beside."""
    kind, several = path.suffix, path.name.startswith("layers.")
    values: Any = coalitions
    if path.name == "tuples.pkl":
        values = tuple(tuple(one) for one in coalitions)
    if path.name == "sets.pickle":
        values = [set(one) for one in coalitions]
    if several:
        values = {str(layer): coalitions, layer + 2: coalitions} if kind == ".pkl" else {f"L{layer:02}": coalitions}
    if kind in (".pkl", ".pickle"):
        path.write_bytes(pickle.dumps(values))
    elif kind == ".json":
        path.write_text(json.dumps(values))
    else:
        with path.open("w", newline="") as out:
            table = csv.writer(out)
            table.writerow(["layer", "coalition", "neuron"] if several else ["neuron", "coalition"])
            rows = [(neuron, f"c{label}") for label, members in enumerate(coalitions) for neuron in members]
            random.Random(0).shuffle(rows)
            table.writerows([(f"layer_{layer}", label, neuron) for neuron, label in rows] if several else rows)
    return path


@st.composite
def partitions(draw: st.DrawFn) -> tuple[Lists, int]:
    labels = draw(st.lists(st.integers(0, 8), min_size=2, max_size=60))
    order = draw(st.permutations(range(len(labels))))
    held: dict[int, list[int]] = {}
    for neuron in order:
        held.setdefault(labels[neuron], []).append(neuron)
    return list(held.values()), len(labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("partitions")


quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", FORMATS)
@quick
@given(drawn=partitions())
def test_what_goes_out_comes_back(name: str, folder: Path, drawn: tuple[Lists, int]) -> None:
    coalitions, n = drawn
    path = write(folder / name, coalitions)
    placed, said = gather([path], None if name.startswith("layers.") else [7])
    assert said == []
    assert list(placed) == ([7, 9] if name == "layers.pkl" else [7])
    expected = Partition.from_coalitions(coalitions, n).labels.tolist()
    for found in placed.values():
        assert partition(found, n).labels.tolist() == expected


@pytest.mark.parametrize("name", ["p.pkl", "p.json", "p.csv", "layers.pkl"])
@quick
@given(drawn=partitions(), choose=st.randoms(use_true_random=False))
def test_one_neuron_wrong_is_named(name: str, folder: Path, drawn: tuple[Lists, int], choose: random.Random) -> None:
    coalitions, n = drawn
    where = choose.randrange(len(coalitions))
    called = f"c{where}" if name.endswith("csv") else str(where)
    place = choose.randrange(len(coalitions[where]))
    neuron = coalitions[where][place]
    path = folder / name

    def refused(changed: Lists) -> str:
        write(path, changed)
        placed, _ = gather([path], None if name.startswith("layers.") else [7])
        with pytest.raises(UserError) as error:
            partition(placed[7], n)
        assert str(error.value).startswith(f"{path}, layer 7: ")
        return str(error.value).removeprefix(f"{path}, layer 7: ")

    def changed(members: list[int]) -> Lists:
        return [members if number == where else one for number, one in enumerate(coalitions)]

    rest = [one for one in coalitions[where] if one != neuron]
    outside = choose.choice([n, n + 1, -1, 1 << 40, -(1 << 40)])
    assert refused(changed([*rest, outside])) == f"coalition {called} holds neuron {outside}: neurons are 0 to {n - 1}"
    if rest:
        assert refused(changed(rest)) == f"neuron {neuron} is in no coalition"
    if not name.startswith("layers."):
        doubled = changed([*coalitions[where], neuron])
        assert refused(doubled) == f"neuron {neuron} is in coalition {called} twice"
    other = choose.randrange(len(coalitions))
    if other != where:
        both = [[*one, neuron] if number == other else one for number, one in enumerate(coalitions)]
        second = f"c{other}" if name.endswith("csv") else str(other)
        said = refused(both)
        first, last = sorted([called, second], key=lambda one: int(one.lstrip("c")))
        assert said in (
            f"neuron {neuron} is in coalitions {first} and {last}",
            f"neuron {neuron} is in coalitions {last} and {first}",
        )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"[[0, 1], [2", "a.json: not JSON"),
        ("a.json", b"[[0, 1], [2.0]]", "coalition 1 holds 2.0, which is no number of a neuron"),
        ("a.json", b"[[0, true]]", "coalition 0 holds True"),
        ("a.json", b'[[0, "1"]]', "coalition 0 holds the text '1'"),
        ("a.json", b"[[0, null]]", "coalition 0 holds None"),
        ("a.json", b"[[NaN]]", "coalition 0 holds nan"),
        ("a.json", b"[[0, [1]]]", "coalition 0 holds a list"),
        ("a.json", b"[[1" + b"0" * 4000 + b"]]", "coalition 0 holds a number of 13,288 bits"),
        ("a.json", b"[[1" + b"0" * 5000 + b"]]", "not JSON"),
        ("a.json", b"[[0], []]", "coalition 1 is empty"),
        ("a.json", b"[]", "no coalitions"),
        ("a.json", b"[0, 0, 1]", "coalition 0 is 0, not a list of neurons"),
        ("a.json", b"7", "it holds 7, not a list of coalitions"),
        ("a.json", b'{"7": [[0]], "model": "x"}', "the text 'model' is no layer: write 7, L07 or layer_7"),
        ("a.json", b'{"7": [[0]], "L07": [[0]]}', "layer 7 stands there twice"),
        ("a.json", b'{"7": [[0]], "7": [[0]]}', "layer 7 stands there twice"),
        ("a.json", b'{"7": {"0": [1]}}', "layer 7: an object stands where a list of coalitions should"),
        ("a.json", b'{"7": [[0], [1.5]]}', "layer 7: coalition 1 holds 1.5"),
        ("a.json", b"{}", "no layers"),
        ("a.json", b"\xff[[0]]", "not JSON"),
        ("a.json", b"[" * 100_000, "too deeply"),
        ("a.csv", b"", "empty: expected the columns neuron,coalition"),
        ("a.csv", b"0,1\n1,1\n", "the first line has the text '0': expected the columns"),
        ("a.csv", b"neuron;coalition\n0;1\n", "the first line has the text 'neuron;coalition'"),
        ("a.csv", b",neuron,coalition\n0,0,1\n", "the first line has the text ''"),
        ("a.csv", b"neuron,layer\n0,1\n", "the first line is 'neuron,layer'"),
        ("a.csv", b"neuron,neuron,coalition\n0,1,2\n", "the first line is 'neuron,neuron,coalition'"),
        ("a.csv", b"neuron,coalition\n", "it has no rows"),
        ("a.csv", b"neuron,coalition\n0,1\n1\n", "line 3: 1 cells, where the header has 2"),
        ("a.csv", b"neuron,coalition\n1.0,1\n", "line 2: the text '1.0' is no number of a neuron"),
        ("a.csv", b"neuron,coalition\n\xd9\xa3,1\n", "is no number of a neuron"),
        ("a.csv", b"neuron,coalition\n9999999999999999999999,1\n", "is no number of a neuron"),
        ("a.csv", b"neuron,coalition\n0,\n", "line 2: neuron 0 has no coalition"),
        ("a.csv", b"neuron,coalition,layer\n0,1,\n", "line 2: the text '' is no layer"),
        ("a.csv", b'neuron,coalition\n0,"1\n', "line 2: not CSV"),
        ("a.csv", b"neuron,coalition\n0,\xff\n", "not UTF-8"),
        ("a.pkl", b"", "no whole pickle"),
        ("a.pkl", b"\x80\x04\x95", "no whole pickle"),
        ("a.pkl", b"PK\x03\x04", "no whole pickle"),
        ("a.pkl", pickle.dumps([[0, True]]), "coalition 0 holds True"),
        ("a.pkl", pickle.dumps([[0, 1.0]]), "coalition 0 holds 1.0"),
        ("a.pkl", pickle.dumps([{0: 1}]), "coalition 0 is an object, not a list of neurons"),
        ("a.pkl", pickle.dumps({0: 3, 1: 3}), "layer 0: 3 stands where a list of coalitions should"),
        ("a.pkl", pickle.dumps({-1: [[0]]}), "-1 is no layer"),
        ("a.npy", b"", "cannot tell what it is; its name must end in .pkl, .pickle, .json, .csv"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(says)) as error:
        read(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(tmp_path)) + 300


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no partitions at .*gone\.pkl: no such file"):
        read(tmp_path / "gone.pkl")
    with pytest.raises(UserError, match="is no file: name the files"):
        read(tmp_path)
    with pytest.raises(UserError, match="is no file"):
        read(Path("/dev/zero"))
    with (tmp_path / "large.json").open("wb") as out:
        out.truncate((1 << 26) + 1)
    with pytest.raises(UserError, match="more than 64 MB"):
        read(tmp_path / "large.json")


def test_spaces_case_and_byte_order_marks_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfNeuron, Coalition\r\n\r\n0, a\r\n1, a\r\n2, b\r\n")
    (found,) = read(tmp_path / "a.csv")
    assert found.members == {"a": [0, 1], "b": [2]}
    (tmp_path / "a.JSON").write_bytes(b"\xef\xbb\xbf[[0, 1]]")
    assert read(tmp_path / "a.JSON")[0].members == {"0": [0, 1]}


def test_labels_of_coalitions_are_shown_short_and_on_one_line(tmp_path: Path) -> None:
    label = "\x1b[2J\n" + "x" * 10_000
    (tmp_path / "L7.csv").write_text(f'neuron,coalition\n0,"{label}"\n5,"{label}"\n')
    placed, _ = gather([tmp_path / "L7.csv"])
    with pytest.raises(
        UserError, match=r"L7\.csv, layer 7: coalition '\\x1b\[2J\\nx+' holds neuron 5: neurons"
    ) as error:
        partition(placed[7], 2)
    assert len(str(error.value)) < len(str(tmp_path)) + 200


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("L07.pkl", 7),
        ("l7.json", 7),
        ("layer_12.json", 12),
        ("llama-3.1-8b.Layer 9.pickle", 9),
        ("seed3-layer-7.pkl", 7),
        ("L07_layer7.pkl", 7),
        ("L07-L08.pkl", None),
        ("layer_7to9.pkl", None),
        ("smollm2.pkl", None),
        ("partition.pkl", None),
        ("7.pkl", None),
        ("XL7.pkl", None),
    ],
)
def test_layers_in_names(name: str, layer: int | None) -> None:
    assert layer_in_name(Path("layer_99") / name) == layer


def test_which_layer_each_file_is_of(tmp_path: Path) -> None:
    def file(name: str, value: Any = ((0, 1),)) -> Path:
        (tmp_path / name).write_text(json.dumps(value))
        return tmp_path / name

    seven, nine, plain = file("L07.json"), file("layer_9.json"), file("p.json")
    several = file("several.json", {"3": [[0]], "1": [[0]]})
    placed, said = gather([nine, seven, several])
    assert list(placed) == [1, 3, 7, 9]
    assert {layer: part.layer for layer, part in placed.items()} == {1: 1, 3: 3, 7: 7, 9: 9}
    assert said == [f"{nine}: layer 9, by its name", f"{seven}: layer 7, by its name"]
    placed, said = gather([plain, several, seven], [8, 7])
    assert {layer: part.file for layer, part in placed.items()} == {1: several, 3: several, 7: seven, 8: plain}
    assert said == []
    for files, layers, says in [
        ([plain], None, r"p\.json: of which layer\? Give --layers, one for each file, or call it L07\.json"),
        ([seven, plain], [7], "--layers names 1 for 2 files"),
        ([several], [3], "--layers names 1 for 0 files"),
        ([nine, seven], [7, 9], r"layer_9\.json: its name says layer 9, --layers says 7"),
        ([seven, plain], [7, 7], r"p\.json and .*L07\.json are both of layer 7"),
        ([several, plain], [3], r"p\.json and .*several\.json are both of layer 3"),
    ]:
        with pytest.raises(UserError, match=says):
            gather(files, layers)
