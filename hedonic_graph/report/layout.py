"""A table before it is written: records of numbers, and how they are laid out."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

By = Literal["layer", "size"]
"""What a table can have a row for, in place of the mean over all."""

Record = dict[str, Any]
"""Keys of a row and a column by name, and numbers by name: ``pair``, ``pair_ci`` (half width of the 95 %
interval), ``pair_chance``. A number that is not known is missing or NaN."""


@dataclass(frozen=True)
class Measure:
    """One figure of a record."""

    name: str
    """Its name in a record and in CSV."""
    heading: str
    form: str = ".3g"

    def cell(self, record: Record) -> str | None:
        """The figure for people: ``0.11 ± 0.005 (0.01)``, chance in brackets."""
        value = known(record.get(self.name))
        if value is None:
            return None
        half, chance = known(record.get(f"{self.name}_ci")), known(record.get(f"{self.name}_chance"))
        parts = [format(value, self.form)]
        if half is not None:
            parts.append(f"± {half:.2g}" if self.form == ".3g" else f"± {format(half, self.form)}")
        if chance is not None:
            parts.append(f"({format(chance, self.form)})")
        return " ".join(parts)


@dataclass(frozen=True)
class Table:
    """One table of the paper, from records."""

    title: str
    rows: tuple[str, ...]
    """Keys of a record that name its row."""
    columns: tuple[str, ...]
    """Keys that name a group of columns, ``model`` last."""
    measures: tuple[Measure, ...]
    """Figures in each group of columns."""
    records: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What has to be known to read it, a sentence each."""
    paper: list[Record] = field(default_factory=list)
    """The paper's figures, a record for each of its models, by the same keys."""

    def laid_out(self) -> tuple[list[str], list[list[Any]]]:
        """Return headings and cells for people: a row for each row key, in the order of the records.

        The paper's figures stand at the right, those of its models in one cell; its rows that have no like here
        come last.
        """
        ours = _grid(self.records, self.rows, self.columns)
        groups = list(dict.fromkeys(group for line in ours.values() for group in line))
        theirs: dict[tuple[Any, ...], dict[tuple[Any, ...], list[Record]]] = {}
        for record in self.paper:
            line = theirs.setdefault(_key(record, self._matched, "method"), {})
            line.setdefault(_key(record, self.columns[:-1]), []).append(record)
        likes = {key: _key(next(iter(line.values())), self._matched, "published_as") for key, line in ours.items()}
        rows = [(key, line, theirs.get(likes[key], {})) for key, line in ours.items()]
        unlike = {_key(record, self._matched, "method"): _key(record, self.rows) for record in self.paper}
        rows += [(unlike[one], {}, line) for one, line in theirs.items() if one not in set(likes.values())]
        kept = [
            place
            for place, _ in enumerate(self.rows)
            if not rows or any(key[place] not in (None, "") for key, _, _ in rows)
        ]
        headings, cells = [self.rows[place] for place in kept], [[key[place] for place in kept] for key, _, _ in rows]
        for group in groups:
            for measure in self.measures:
                column = [measure.cell(line[group]) if group in line else None for _, line, _ in rows]
                if any(column):
                    headings.append(_heading(group if len(groups) > 1 else (), measure))
                    _append(cells, column)
        for group in dict.fromkeys(_key(record, self.columns[:-1]) for record in self.paper):
            for measure in self.measures:
                column = [_together(measure, line.get(group, [])) for _, _, line in rows]
                if any(column):
                    headings.append(_heading(("paper", *group), measure))
                    _append(cells, column)
        return headings, cells

    @property
    def heading(self) -> str:
        """The title, with the model where there is one column group only, whose name no column shows."""
        groups = {tuple(part for part in _key(record, self.columns) if part) for record in self.records}
        only = ", ".join(map(str, groups.pop())) if len(groups) == 1 else ""
        return f"{self.title} ({only})" if only else self.title

    def flat(self) -> tuple[list[str], list[list[Any]]]:
        """Return columns and rows for programs: a row for each record, every number on its own, the paper's last."""
        names = [*self.rows, *self.columns]
        for measure in self.measures:
            names += [measure.name, f"{measure.name}_ci", f"{measure.name}_chance"]
        records = [*self.records, *({**one, "model": f"{one['model']} (paper)"} for one in self.paper)]
        keys = self.rows + self.columns
        used = [
            name for name in names if name in keys or any(known(record.get(name)) is not None for record in records)
        ]
        return used, [[_plain(record.get(name)) for name in used] for record in records]

    @property
    def _matched(self) -> tuple[str, ...]:
        """What a row shares with its like in the paper, which says nothing by layer or size."""
        return tuple(name for name in self.rows if name not in ("layer", "size"))


def _grid(
    records: list[Record], rows: tuple[str, ...], columns: tuple[str, ...]
) -> dict[tuple[Any, ...], dict[tuple[Any, ...], Record]]:
    grid: dict[tuple[Any, ...], dict[tuple[Any, ...], Record]] = {}
    for record in records:
        grid.setdefault(_key(record, rows), {})[_key(record, columns)] = record
    return grid


def _key(record: Record, names: tuple[str, ...], method: str = "method") -> tuple[Any, ...]:
    """The values of a record; ``method`` by its name here or, as ``published_as``, by the paper's."""
    return tuple(record.get(method if name == "method" else name) for name in names)


def _heading(group: tuple[Any, ...], measure: Measure) -> str:
    name = ", ".join(str(part) for part in group if part)
    return f"{name}: {measure.heading}" if name else measure.heading


def _append(cells: list[list[Any]], column: list[str | None]) -> None:
    for line, cell in zip(cells, column, strict=True):
        line.append(cell)


def _together(measure: Measure, records: list[Record]) -> str | None:
    """The figures of several models in one cell."""
    values = [known(record.get(measure.name)) for record in records]
    return " / ".join(format(value, measure.form) for value in values if value is not None) or None


def known(value: Any) -> float | None:
    """Return a number, or None where it is missing or NaN."""
    return None if value is None or math.isnan(value) else float(value)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
