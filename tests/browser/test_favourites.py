"""The favourites: all of the library, each as it is, and one that sets every parameter."""

import io
import re
import zipfile
from pathlib import Path

from hedonic_graph.browser.favourites import DRAWINGS, SET_PARAMETERS, TABLES, archive, favourites
from hedonic_graph.graph import statements
from hedonic_graph.graph.statements import Statement, parse


def library() -> list[Statement]:
    return [statements.load(name) for name in statements.names()]


def test_every_query_is_there_as_it_is_under_its_title() -> None:
    found = favourites()
    first = found.pop("parameters.cypher")
    assert first.splitlines()[0] == f"// {SET_PARAMETERS}"
    by_name = {Path(path).stem: text for path, text in found.items()}
    assert by_name == {one.name: one.text for one in library()}
    assert [text.splitlines()[0] for text in by_name.values()] == [f"// {one.title}" for one in library()]
    titles = [one.title for one in library()]
    assert len(set(titles)) == len(titles)


def test_what_draws_is_in_a_folder_of_its_own() -> None:
    for path, text in favourites().items():
        folder = path.rpartition("/")[0]
        assert folder == ("" if path == "parameters.cypher" else DRAWINGS if "// Group: drawings" in text else TABLES)
    assert len([path for path in favourites() if path.startswith(DRAWINGS)]) >= 4


def test_browser_takes_each_for_one_statement() -> None:
    """Of several statements it would show no result."""
    for text in favourites().values():
        assert ";" not in re.sub(r"//.*", "", text)


def test_every_parameter_of_the_library_gets_a_value() -> None:
    text = favourites()["parameters.cypher"]
    match = re.search(r"^:param \[\{(.*)\}\] => \{\n(.*)\n\}\n\Z", text, re.DOTALL | re.MULTILINE)
    assert match
    names, statement = match[1].split(", "), match[2]
    assert set(names) >= {parameter.name for one in library() for parameter in one.parameters}
    returned = re.findall(r"AS (\w+)", statement[statement.index("RETURN") :])
    assert returned == names
    assert "3.0 AS z" in statement and "3 AS steps" in statement


def test_a_parameter_means_the_same_in_every_query() -> None:
    """One value serves all: one type for each name, and one default unless the graph gives the value."""
    given = statements.load("browser/parameters").columns
    types: dict[str, set[str]] = {}
    values: dict[str, set[str]] = {}
    for parameter in (parameter for one in library() for parameter in one.parameters):
        types.setdefault(parameter.name, set()).add(parameter.type)
        if parameter.name not in given:
            values.setdefault(parameter.name, set()).add(repr(parameter.value))
    assert {name: found for name, found in types.items() if len(found) > 1} == {}
    assert {name: found for name, found in values.items() if len(found) > 1} == {}


def test_values_are_written_as_cypher_writes_them() -> None:
    from hedonic_graph.browser.favourites import parameters

    head = [
        "// T",
        "// Answers: a",
        '// $name (string, optional, default "it\'s \\"it\\""): m',
        "// $none (string, optional, default null): m",
        '// $some (list, optional, default ["a", 1]): m',
    ]
    text = parameters([parse("x", "\n".join([*head, "RETURN $name, $none, $some"]))])
    for line in ('"it\'s \\"it\\"" AS name', "null AS none", '["a", 1] AS some'):
        assert line in text


def test_the_zip_holds_them_and_is_the_same_each_time() -> None:
    with zipfile.ZipFile(io.BytesIO(archive())) as file:
        assert {name: file.read(name).decode() for name in file.namelist()} == favourites()
        assert {(entry.external_attr >> 16, entry.date_time) for entry in file.infolist()} == {
            (0o644, (1980, 1, 1, 0, 0, 0))
        }
    assert archive() == archive()
