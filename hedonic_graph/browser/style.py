"""The style of the graph in Neo4j Browser, as GraSS, the form that it imports.

GraSS has no comments; a caption is text with ``{property}`` in it, without quotes, colons and semicolons.
"""

from dataclasses import dataclass

from hedonic_graph.graph import schema


@dataclass(frozen=True)
class Circle:
    """How nodes of one label look."""

    color: str
    border: str
    text: str
    """Colour of the caption."""
    diameter: int
    """In pixels."""
    caption: str
    font: int = 10
    """Size of the caption in pixels."""


@dataclass(frozen=True)
class Arrow:
    """How relationships of one type look."""

    color: str
    text: str
    """Colour of the type's name in the legend, which stands on ``color``."""
    width: int
    """In pixels."""
    caption: str = ""


DARK, WHITE = "#1F2933", "#FFFFFF"
EVENT = 5

# Coalitions are pale, so that events stand out and the caption can be read: a short name, and the size in brackets.
CIRCLES = {
    "Model": Circle("#3E4C59", DARK, WHITE, 80, "{name}"),
    "Run": Circle("#486581", "#334E68", WHITE, 80, "{analysis} {valuation} {solver} {seed}"),
    "Neuron": Circle("#E4E7EB", "#CBD2D9", DARK, 35, "{index}"),
    "Coalition": Circle("#FFF3C4", "#CB9B24", DARK, 65, "L{layer}/C{rank} ({size})", 13),
    "Part": Circle("#E4E7EB", "#9AA5B1", DARK, 50, "{kind}"),
    "Feature": Circle("#F3D5E5", "#CC79A7", DARK, 80, "{name}"),
}

# The three events in colours of the Okabe-Ito palette, which colour-blind people tell apart too. All else recedes:
# Browser draws every relationship between the nodes shown, asked for or not.
ARROWS = {
    "PERSISTS_AS": Arrow("#009E73", WHITE, EVENT, "persists"),
    "SPLITS_INTO": Arrow("#D55E00", WHITE, EVENT, "splits"),
    "MERGES_INTO": Arrow("#0072B2", WHITE, EVENT, "merges"),
    "ALIGNS_WITH": Arrow("#CC79A7", DARK, 2, "aligns with"),
    "INTERACTS": Arrow("#D9E0E7", DARK, 1),
    "MEMBER_OF": Arrow("#E4E7EB", DARK, 1),
    "PREFERS": Arrow("#B8A9D9", DARK, 1),
    "FOUND_IN": Arrow("#E4E7EB", DARK, 1),
    "ANALYSES": Arrow("#9AA5B1", DARK, 1, "analyses"),
}


def grass() -> str:
    """Return the style for every label and relationship type of the schema."""
    rules = [_rule(f"node.{node.label}", _circle(CIRCLES[node.label])) for node in schema.NODES]
    rules += [_rule(f"relationship.{one.type}", _arrow(ARROWS[one.type])) for one in schema.RELATIONSHIPS]
    return "\n".join(rules)


def _circle(look: Circle) -> dict[str, str]:
    return {
        "diameter": f"{look.diameter}px",
        "color": look.color,
        "border-color": look.border,
        "border-width": "2px",
        "text-color-internal": look.text,
        "font-size": f"{look.font}px",
        "caption": f'"{look.caption}"',
    }


def _arrow(look: Arrow) -> dict[str, str]:
    return {
        "color": look.color,
        "shaft-width": f"{look.width}px",
        "font-size": "8px",
        "padding": "3px",
        "text-color-external": DARK,
        "text-color-internal": look.text,
        "caption": f'"{look.caption}"',
    }


def _rule(selector: str, properties: dict[str, str]) -> str:
    lines = "".join(f"  {name}: {value};\n" for name, value in properties.items())
    return f"{selector} {{\n{lines}}}\n"
