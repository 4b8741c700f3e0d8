"""Pickles that are out to do harm or to cost time: refused in one line, and nothing of them runs."""

import pickle
import pickletools
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedonic_graph.errors import UserError
from hedonic_graph.partitions import pickles, readers

# A busy machine takes its time over single examples.
unhurried = settings(deadline=None)

CANARY = "canary-of-a-hostile-pickle"


def text(value: str) -> bytes:
    """SHORT_BINUNICODE"""
    return b"\x8c" + struct.pack("<B", len(value)) + value.encode()


MKDIR = text("os") + text("mkdir")
ARGUMENT = text(CANARY)
# Each makes a folder when it is loaded by `pickle`, by another opcode.
LIVE = {
    "GLOBAL and REDUCE": b"cos\nmkdir\n(" + ARGUMENT + b"tR.",
    "STACK_GLOBAL": b"\x80\x04" + MKDIR + b"\x93" + ARGUMENT + b"\x85R.",
    "INST": b"(" + ARGUMENT + b"ios\nmkdir\n.",
    "OBJ": b"(cos\nmkdir\n" + ARGUMENT + b"o.",
    "eval": b"cbuiltins\neval\n(" + text(f"__import__('os').mkdir({CANARY!r})") + b"tR.",
    "in a list": b"](](cos\nmkdir\n(" + ARGUMENT + b"tReee.",
    "in a dictionary's key": b"}cos\nmkdir\n(" + ARGUMENT + b"tR]s.",
}


@pytest.mark.parametrize("data", LIVE.values(), ids=LIVE)
def test_nothing_runs(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="refused, and nothing of it was run: it names"):
        pickles.loads(data)
    assert not list(tmp_path.iterdir())
    load = f"import pickle\ntry: pickle.loads({data!r})\nexcept Exception: pass"
    subprocess.run([sys.executable, "-c", load], check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == [CANARY], "the attack is no attack"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x80\x02cbuiltins\nobject\n)\x81.", "'builtins.object'"),
        (b"cos\nsystem\n.", "'os.system'"),
        (b"cnumpy._core.multiarray\nscalar\n.", r"'numpy\._core.*convert before pickling: \[\[int\(i\)"),
        (b")\x81.", "NEWOBJ"),
        (b"))}\x92.", "NEWOBJ_EX"),
        (b")R.", "REDUCE"),
        (b"]}b.", "BUILD"),
        (b"\x82\x01.", "EXT1"),
        (b"\x83\x01\x00.", "EXT2"),
        (b"\x84\x01\x00\x00\x00.", "EXT4"),
        (b"Pthere\n.", "PERSID"),
        (b"]Q.", "BINPERSID"),
        (b"\x97.", "NEXT_BUFFER"),
        (b"]\x98.", "READONLY_BUFFER"),
        (b"](" + b"]" + b"o.", "OBJ"),
        (b"]0.", "POP"),
        (b"\x93.", "it names ''"),
    ],
)
def test_refused_by_name(data: bytes, says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        pickles.loads(data)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_what_numpy_pickles_is_refused_with_advice() -> None:
    for value in ([[np.int64(3)]], np.arange(3), [np.arange(3)]):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(UserError, match=r"\[\[int\(i\) for i in c\] for c in partition\]"):
                pickles.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_of_every_protocol(protocol: int) -> None:
    shared = [1, 2]
    big = list(range(3000))
    value = [[0, 255, 256, 65536, -1, 1 << 40, -(1 << 80)], shared, shared, (3,), (), (1, 2), (1, 2, 3, 4), big, []]
    value += [True, False, None, 0.5, "naïve\n"]
    expected = [list(one) if isinstance(one, tuple) else one for one in value]
    assert pickles.loads(pickle.dumps(value, protocol)) == expected
    found = pickles.loads(pickle.dumps({7: [[1]], "8": [[0]]}, protocol))
    assert isinstance(found, pickles.Pairs)
    assert found == [(7, [[1]]), ("8", [[0]])]
    if protocol >= 4:
        sets = pickles.loads(pickle.dumps([{5, 3}, frozenset({9})], protocol))
        assert [sorted(one) for one in sets] == [[3, 5], [9]]


@pytest.mark.parametrize(
    "data",
    [b"}K\x01a.", b"]K\x01K\x02s.", b"K\x01K\x02a.", b"}(K\x01u.", b"](e", b"a.", b"h\x07.", b"e.", b"..", b"]]."],
)
def test_opcodes_that_do_not_fit_are_no_pickle(data: bytes) -> None:
    with pytest.raises(UserError, match="no whole pickle"):
        pickles.loads(data)


def bombs() -> dict[str, bytes]:
    doubled = b")" + b"".join(b"\x94h" + bytes([n]) + b"\x86" for n in range(60))
    return {
        "a memo of two thousand million places": b"]r\xff\xff\xff\x7f.",
        "a text of an exabyte": b"\x8d" + struct.pack("<Q", 1 << 60) + b".",
        "a number of a gigabyte": b"\x8b" + struct.pack("<I", (1 << 31) - 1) + b".",
        "a decimal of a hundred thousand digits": b"L" + b"9" * 100_000 + b"L\n.",
        "two to the sixty tuples in a set": b"\x8f(" + doubled + b"\x90.",
        "nested a million deep": b"]" * 1_000_000 + b"a" * 999_999 + b".",
        "a list in itself": b"]\x94h\x00a.",
    }


@pytest.mark.parametrize("data", bombs().values(), ids=bombs())
def test_bombs_cost_little(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(UserError):
        readers._pickle(data)
    assert time.process_time() - began < 30


def test_lists_are_counted_before_memory_is_gone() -> None:
    for data in (b"(" + b"]" * 5_000_000 + b"l.", b"(" + b")" * 5_000_000 + b"t.", b"(" + b"\x8f" * 5_000_000 + b"l."):
        with pytest.raises(UserError, match="holds more than 4,194,304 lists"):
            pickles.loads(data)


def test_one_list_in_a_million_places_is_counted_and_not_walked(tmp_path: Path) -> None:
    member = b"](" + b"K\x01" * 10_000 + b"e"
    (tmp_path / "L1.pkl").write_bytes(b"](" + member + b"\x94" + b"h\x00" * 1_000_000 + b"e.")
    with pytest.raises(UserError, match="names more than 33,554,432 neurons"):
        readers.read(tmp_path / "L1.pkl")


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_value_or_one_line(data: bytes) -> None:
    try:
        readers._pickle(data)
    except UserError as error:
        assert "\n" not in str(error)


OPCODES = st.sampled_from([opcode.code.encode("latin1") for opcode in pickletools.opcodes])


@unhurried
@given(st.lists(OPCODES | st.sampled_from([b"K\x01", b"h\x00", b"cos\nsystem\n", b"I01\n"]), max_size=40))
def test_any_opcodes_end_in_a_value_or_one_line(parts: list[bytes]) -> None:
    try:
        readers._pickle(b"".join(parts) + b".")
    except UserError as error:
        assert "\n" not in str(error)


@unhurried
@given(st.lists(st.lists(st.integers()) | st.tuples(st.integers(), st.text(max_size=3)), max_size=5), st.data())
def test_whatever_is_cut_off_is_noticed(value: list[Any], data: st.DataObject) -> None:
    protocol = data.draw(st.integers(0, pickle.HIGHEST_PROTOCOL))
    whole = pickle.dumps(value, protocol)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UserError, match="no whole pickle"):
        pickles.loads(whole[:cut])
    with pytest.raises(UserError, match="goes on after its first object"):
        pickles.loads(whole + whole)
