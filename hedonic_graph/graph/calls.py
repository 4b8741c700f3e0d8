"""The package's own statements by name, each a transaction that may be repeated."""

from collections.abc import Callable, Mapping
from typing import Any

from hedonic_graph.graph import statements
from hedonic_graph.graph.patience import Patience
from hedonic_graph.graph.store import Rows, Store


class Calls:
    """Calls of statements on a store. All of them can be done twice: they say what is there, or look first.

    A server that goes away is waited for (``patience``); the embedded store is not, as nobody would start it again.
    """

    def __init__(self, store: Store, on_away: Callable[[], None] | None = None) -> None:
        self.store = store
        self.batch = store.batch
        self._patience = None if store.embedded else Patience(on_away)

    def ask(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """Run a statement that reads."""
        return self.store.read(statements.load(name).text, values, patience=self._patience).records()

    def write(
        self, name: str, values: Mapping[str, Any], check: Callable[[Rows], None] | None = None
    ) -> list[dict[str, Any]]:
        """Run a statement that writes; nothing is committed where ``check`` raises."""
        return self.store.write(statements.load(name).text, values, check, patience=self._patience).records()

    def count(self, name: str, **values: Any) -> int:
        """Run a statement that writes, and return the number that it answers with; 0 where it has no row."""
        rows = self.write(name, values)
        return int(next(iter(rows[0].values()))) if rows else 0

    def end(self) -> None:
        """Wait for the server no more."""
        if self._patience is not None:
            self._patience.end()
