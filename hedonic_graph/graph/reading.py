"""A statement's answer while it is read."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hedonic_graph.errors import UserError

if TYPE_CHECKING:
    import neo4j

# Rows that are here before the first is handed on: an answer that ends before that is known to be whole.
AHEAD = 1_000
# GQL status codes: a label, a relationship type, a property that the graph does not have.
UNKNOWN_NAMES = ("01N50", "01N51", "01N52")
PLAN = "string-representation"


@dataclass(frozen=True)
class Told:
    """What the server says of an answer after its last row."""

    remarks: tuple[str, ...]
    """Labels, types and properties that it does not know, where it says so (Neo4j)."""
    plan: str | None
    """Of a statement that begins with EXPLAIN or PROFILE."""


class Reading:
    """``rows`` come as the server sends them, once; ``columns`` are their names.

    Raises UserError, which calls the statement ``name``, where the server did what a query may not.
    """

    def __init__(self, result: "neo4j.Result", name: str):
        self._result = result
        self._name = name
        self._told: Told | None = None
        self.columns = tuple(result.keys())
        ahead = list(itertools.islice(result, AHEAD))
        if len(ahead) < AHEAD:
            self.end()
        more = result if self._told is None else ()
        self.rows: Iterator[tuple[Any, ...]] = (tuple(record.values()) for record in itertools.chain(ahead, more))

    def end(self) -> Told:
        """Drop the rows that were not read, and return what there is to say."""
        if self._told is None:
            self._told = self._end()
        return self._told

    def _end(self) -> Told:
        summary = self._result.consume()
        if summary.counters.contains_updates or summary.counters.contains_system_updates:
            # A server that holds no transaction to reading; this one is rolled back.
            raise UserError(f"{self._name}: a query may only read, and what it wrote was taken back")
        plan = (summary.profile or summary.plan or {}).get("args", {}).get(PLAN)
        if plan and (hidden := re.search(r"^Error: (.*)", plan, re.MULTILINE)):
            # ArcadeDB hands on the plan of a statement that failed as if it had not.
            raise UserError(f"{self._name}: {hidden[1]}")
        statuses = summary.metadata.get("statuses") or []
        unknown = [one["status_description"] for one in statuses if one.get("gql_status") in UNKNOWN_NAMES]
        return Told(tuple(text.partition(". ")[2] for text in unknown), plan and plan.rstrip())
