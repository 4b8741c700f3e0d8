"""A reader of pickles that knows numbers, text and lists, and nothing that could name, call or build anything.

It is a machine of its own over :func:`pickletools.genops`, which takes a pickle apart without running it. Sets and
tuples become lists, and a dictionary becomes its pairs, so that nothing is ever hashed or compared either: a file
made to be slow has nothing to be slow with.
"""

import pickletools
import warnings
from typing import Any

from hedonic_graph.errors import UserError

MOST_LISTS = 1 << 22
"""Lists a pickle may hold; the coalitions of 2,000 layers of single neurons would fit."""

_VALUES = {
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST", "EMPTY_TUPLE", "EMPTY_SET"}
_CLOSED = {"LIST", "TUPLE", "FROZENSET"}
_SHORT = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
_IGNORED = {"PROTO", "FRAME"}


class Pairs(list[tuple[Any, Any]]):
    """The keys and values of a dictionary, in order, equal keys included."""


def loads(data: bytes) -> Any:
    """Return what a pickle holds: numbers, text, None, lists (of tuples and sets, too) and :class:`Pairs`.

    Raises UserError, without having run anything, where it names a class or a function, refers to something
    outside, is cut short or goes on after its end.
    """
    machine = _Machine()
    end = 0
    try:
        with warnings.catch_warnings():
            # Text with odd escapes is decoded on the way to being refused.
            warnings.simplefilter("ignore")
            for opcode, argument, position in pickletools.genops(data):
                if opcode.name == "STOP":
                    end = (position or 0) + 1
                    break
                machine.step(opcode.name, argument)
        (value,) = machine.stack
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise UserError("no whole pickle (cut short, damaged, or something else)") from error
    if end != len(data):
        raise UserError("the pickle goes on after its first object: write one list, or one file for each layer")
    return value


class _Machine:
    """A pickle's stack, its marks (the stacks below) and its memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._lists = 0

    def step(self, name: str, argument: Any) -> None:
        """Do one opcode. What a damaged pickle runs into is IndexError, KeyError, TypeError or ValueError."""
        stack = self.stack
        if name in _VALUES:
            stack.append(_CONSTANTS.get(name, argument))
        elif name == "MARK":
            self._below.append(stack)
            self.stack = []
        elif name in _EMPTY:
            stack.append(self._new([]))
        elif name == "EMPTY_DICT":
            stack.append(self._new(Pairs()))
        elif name in _CLOSED:
            items = self._new(self._marked())
            self.stack.append(items)
        elif name == "DICT":
            pairs = self._new(Pairs(_paired(self._marked())))
            self.stack.append(pairs)
        elif name in _SHORT:
            count = _SHORT[name]
            items = [stack.pop() for _ in range(count)][::-1]
            stack.append(self._new(items))
        elif name == "APPEND":
            value = stack.pop()
            _as(list, stack[-1]).append(value)
        elif name in ("APPENDS", "ADDITEMS"):
            items = self._marked()
            _as(list, self.stack[-1]).extend(items)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _as(Pairs, stack[-1]).append((key, value))
        elif name == "SETITEMS":
            items = self._marked()
            _as(Pairs, self.stack[-1]).extend(_paired(items))
        elif name in _PUT:
            self._memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in _GET:
            stack.append(self._memo[argument])
        elif name not in _IGNORED:
            raise UserError(self._refusal(name, argument))

    def _new(self, container: Any) -> Any:
        self._lists += 1
        if self._lists > MOST_LISTS:
            raise UserError(f"the pickle holds more than {MOST_LISTS:,} lists, which no partition does")
        return container

    def _marked(self) -> list[Any]:
        items = self.stack
        self.stack = self._below.pop()
        return items

    def _refusal(self, name: str, argument: Any) -> str:
        wanted = None
        if name in ("GLOBAL", "INST"):
            wanted = str(argument).replace(" ", ".", 1)
        elif name == "STACK_GLOBAL":
            wanted = ".".join(str(part) for part in self.stack[-2:])
        if wanted is None:
            what = f"it asks for {name}"
        else:
            what = f"it names {wanted[:60]!r}"
        line = f"the pickle is refused, and nothing of it was run: {what}, and only plain lists of numbers are read"
        if wanted and wanted.startswith(("numpy", "torch")):
            line += "; convert before pickling: [[int(i) for i in c] for c in partition]"
        return line


def _as(kind: type, target: Any) -> Any:
    if type(target) is not kind:
        raise TypeError(f"{type(target).__name__} takes no such items")
    return target


def _paired(items: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(items[::2], items[1::2], strict=True))
