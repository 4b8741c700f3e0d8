"""What a table must hold before it is loaded: columns of the schema's types, keys in range, no row twice."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hedonic_graph.errors import UserError
from hedonic_graph.graph.schema import Node, Property

if TYPE_CHECKING:
    import pandas as pd

_PYTHON: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "INTEGER": (int,),
    "FLOAT": (float,),
    "BOOLEAN": (bool,),
    "LIST<INTEGER>": (list,),
}
_WANTED = {"STRING": "text", "INTEGER": "a whole number", "FLOAT": "a finite number", "BOOLEAN": "true or false"}
# Neo4j indexes at most 8,167 bytes of a key; a neuron's id is its model's and 11 bytes more.
KEY_LIMIT = 8_000


def columns(
    frame: "pd.DataFrame",
    name: str,
    properties: Iterable[Property],
    *,
    bounds: Mapping[str, int] | None = None,
    unique: Iterable[str] = (),
) -> dict[str, np.ndarray]:
    """Return the columns that ``properties`` name, each [rows]; optional ones that are missing hold None.

    ``bounds`` says of a column of indices how many there are; in the columns ``unique`` no row occurs twice. Raises
    UserError that names the table (``name``) and its first offender.
    """
    found = {}
    for property in properties:
        if property.name in frame:
            found[property.name] = _column(frame[property.name], name, property)
        elif property.optional:
            found[property.name] = np.full(len(frame), None)
        else:
            raise UserError(f"{name} has no column {property.name!r}")
    for column, count in (bounds or {}).items():
        outside = (found[column] < 0) | (found[column] >= count)
        wanted = f"it must be 0 to {count - 1:,}" if count else "there is nothing that it could name"
        _refuse(name, frame[column], outside, wanted)
    keys = list(unique)
    if keys and (twice := frame.duplicated(keys).to_numpy()).any():
        place = int(twice.argmax())
        told = ", ".join(f"{key} {frame[key].iloc[place]}" for key in keys)
        raise UserError(f"{name}, row {frame.index[place]}: {told} is there twice")
    return found


def key(value: str, what: str) -> None:
    """Raise UserError where a text cannot be the key of a node."""
    size = len(value.encode(errors="replace"))
    if not 0 < size <= KEY_LIMIT:
        raise UserError(f"the {what} {value[:40]!r}... has {size:,} bytes: it may have 1 to {KEY_LIMIT:,}")


def node(node: Node, properties: Mapping[str, Any]) -> None:
    """Raise UserError where properties that the schema names are not of its types."""
    for property in node.properties:
        value = properties.get(property.name)
        if value is None:
            if property.optional:
                continue
            raise UserError(f"{node.label} {properties.get(node.key)!r} has no {property.name}")
        if not isinstance(value, _PYTHON[property.type]) or isinstance(value, bool) != (property.type == "BOOLEAN"):
            raise UserError(
                f"{node.label} {properties.get(node.key)!r}: {property.name} is {value!r}, no {property.type}"
            )


def _column(series: "pd.Series", name: str, property: Property) -> np.ndarray:
    import pandas as pd
    from pandas.api import types

    if not len(series):
        return np.empty(0, dtype=object)
    wanted = f"it must be {_WANTED[property.type]}"
    missing = series.isna().to_numpy()
    if not property.optional:
        _refuse(name, series, missing, wanted)
    values = series.to_numpy()
    if property.type == "STRING":
        if types.infer_dtype(series, skipna=True) not in ("string", "empty"):
            strange = np.array([not isinstance(value, str) for value in values]) & ~missing
            _refuse(name, series, strange, wanted)
        return _without(values, missing)
    if property.type == "BOOLEAN":
        if not types.is_bool_dtype(series):
            _refuse(name, series, np.array([not isinstance(value, bool | np.bool_) for value in values]), wanted)
        return values.astype(bool)
    if property.type == "INTEGER":
        if not types.is_integer_dtype(series):
            _refuse(name, series, np.array([not _is_whole(value) for value in values]), wanted)
        return values.astype(np.int64)
    if types.is_bool_dtype(series):
        _refuse(name, series, ~missing, wanted)
    if not types.is_numeric_dtype(series):
        numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float)
        strange = np.array([isinstance(value, str | bool) for value in values]) | (np.isnan(numbers) & ~missing)
        _refuse(name, series, strange, wanted)
        values = numbers
    values = values.astype(float)
    _refuse(name, series, np.isinf(values), wanted)
    return _without(values, missing) if missing.any() else values


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    return isinstance(value, int | np.integer) or (isinstance(value, float) and value.is_integer())


def _without(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    values = values.astype(object)
    values[missing] = None
    return values


def _refuse(name: str, series: "pd.Series", wrong: np.ndarray, wanted: str) -> None:
    """Raise UserError for the first row that is wrong, by its label in the table as it was given."""
    if wrong.any():
        place = int(wrong.argmax())
        value = series.iloc[place]
        told = repr(value.item() if hasattr(value, "item") else value)
        raise UserError(f"{name}, row {series.index[place]}: {series.name} is {told[:80]}: {wanted}")
