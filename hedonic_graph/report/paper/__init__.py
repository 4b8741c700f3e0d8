"""The figures of the paper's Tables 1 to 6, as published: facts to hold others against.

``..._ci`` is the half width of a 95 % interval over three seeds.
"""

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


MODELS = "LLaMA-3.1-8B / Mistral-7B-v0.1 / Pythia-6.9B"


def paper_note(shown: bool) -> list[str]:
    """Return what has to be said of the paper's figures where they are ``shown``."""
    return [f"paper: its models {MODELS}, intervals in --format csv"] if shown else []


def published(number: int) -> "pd.DataFrame":
    """Return the figures of a table, 1 to 6, under the names of its columns."""
    import pandas as pd

    with files(__package__).joinpath(f"table{number}.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file)
    return table.sort_values("model", kind="stable") if "model" in table else table
