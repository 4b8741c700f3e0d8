"""What the README says of models."""

import re
from pathlib import Path

from hedonic_graph.models.architectures import ARCHITECTURES

README = Path(__file__).parents[2] / "README.md"


def test_it_names_every_architecture_that_is_covered_and_no_other() -> None:
    section = README.read_text(encoding="utf-8").partition("\n## Which models\n")[2].partition("\n## ")[0]
    listed = section.partition("refused by name")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(ARCHITECTURES)
