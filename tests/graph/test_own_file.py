"""One statement out of a file: what is none is said in one line, before any store is looked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from graph.test_commands import refused, run

import hedonic_graph
from hedonic_graph.errors import UserError
from hedonic_graph.graph import own


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x=9223372036854775808", "more than 64 bits"),
        ('x={"a": [' + "[" * 120 + "]" * 120 + "]}", "nested more than"),
        ("x=\udcff", "not UTF-8"),
        ("x", "is not KEY=VALUE"),
    ],
)
def test_a_parameter_that_no_server_takes(given: str, said: str, tmp_path: Path) -> None:
    assert said in refused(run("query", "-", "-p", given, "--store", str(tmp_path / "none"), input="RETURN $x"))


def test_a_named_question_or_a_file(tmp_path: Path) -> None:
    line = refused(run("query", "splits", "--file", str(tmp_path / "x")))
    assert line == "Error: splits is a query by name and --file a statement of your own: give one of them"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no statement"),
        (b" \n// only this\n/* and\nthis */ ;; \n", "holds no statement"),
        (b"RETURN 1;\n\nRETURN 2", "holds 2 statements, the second on line 3: only one can be asked"),
        (b"RETURN 1 AS a;// one\nRETURN 2 AS a;\nRETURN 3 AS a;", "holds 3 statements, the second on line 2"),
        (b"RETURN 1 AS a\n// caf\xe9", "is not UTF-8: byte 0xe9 on line 2"),
        (b"\x80\x02]q\x00.", "is not UTF-8"),
        (b"RETURN 1 // " + b"x" * own.LIMIT, "is longer than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_statement(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.cypher"
    file.write_bytes(content)
    assert f"{file} {said}" in refused(run("query", "--file", str(file), "--store", str(tmp_path / "none")))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    assert f"no file {tmp_path}/none" in refused(run("query", "--file", f"{tmp_path}/none"))
    assert f"{tmp_path} cannot be read: Is a directory" in refused(run("query", "--file", str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("RETURN 1", "RETURN 1"),
        ("RETURN 1;\n", "RETURN 1"),
        ("\ufeffRETURN 1 ; // done\n /* ; */ ;", "RETURN 1 "),
        ("// a; b\nRETURN ';' + \";\" AS `a;b` /* ; */\n;", "// a; b\nRETURN ';' + \";\" AS `a;b` /* ; */\n"),
        (r"RETURN 'it\'s; ' AS a;", r"RETURN 'it\'s; ' AS a"),
        ("RETURN 'http://x;y' AS a", "RETURN 'http://x;y' AS a"),
        ("RETURN 6 / 2 AS `a``;b`", "RETURN 6 / 2 AS `a``;b`"),
        (";\nRETURN 1", " \nRETURN 1"),
        # The server says what is wrong with these.
        ("RETURN 'open; RETURN 2", "RETURN 'open; RETURN 2"),
        ("RETURN 1 /* open; RETURN 2", "RETURN 1 /* open; RETURN 2"),
    ],
)
def test_semicolons(text: str, statement: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.cypher"
    file.write_text(text, encoding="utf-8")
    assert own.load(str(file)).text == statement


def test_what_a_comment_declares_must_be_understood(tmp_path: Path) -> None:
    file = tmp_path / "mine.cypher"
    for line in ("// $x (string, optional, default nothing): a thing", "// $x (colour, optional, default 1): a thing"):
        file.write_text(f"// Mine\n{line}\nRETURN $x")
        assert "what it says of $x is not understood" in refused(run("query", "--file", str(file)))
    file.write_text("// Mine\n// $x (boolean, optional, default true): a thing\nRETURN $x")
    mine = own.load(str(file))
    assert mine.bind({}) == {"x": True} and mine.bind(mine.read({"x": "false", "y": "1"})) == {"x": False, "y": 1}
    with pytest.raises(UserError, match="x is 1: it must be a boolean"):
        mine.bind({"x": 1})


def test_standard_input_that_is_not_utf8(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hedonic_graph.cli", "query", "-", "--store", str(tmp_path)],
        input=b"RETURN '\xff'",
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(Path(hedonic_graph.__file__).parents[1])},
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"Error: standard input is not UTF-8: byte 0xff on line 1\n"
