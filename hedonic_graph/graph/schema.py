"""The graph's schema, written once (DESIGN §6): what the statements in ``cypher/`` are held against."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """One property of a node or relationship."""

    name: str
    type: str
    """STRING, INTEGER, FLOAT, BOOLEAN, or LIST of one of them."""
    meaning: str
    optional: bool = False
    """Left out where it has no value."""


@dataclass(frozen=True)
class Node:
    """A node label. ``key`` is unique; each tuple of ``indexes`` is one index."""

    label: str
    key: str
    properties: tuple[Property, ...]
    meaning: str
    indexes: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Relationship:
    """A relationship type between two labels."""

    type: str
    source: str
    target: str
    properties: tuple[Property, ...]
    meaning: str


def _strength(*more: Property) -> tuple[Property, ...]:
    return (
        Property("mass", "FLOAT", "interaction mass, normalised by the sizes of both ends"),
        Property("alpha", "FLOAT", "share of what the source gives beyond chance that goes here"),
        Property("beta", "FLOAT", "share of what the target gets beyond chance that comes from here"),
        Property("lift", "FLOAT", "flow over what the totals of both ends would give"),
        Property("z", "FLOAT", "how far the flow lies from that into random neurons", optional=True),
        *more,
    )


NODES = (
    Node(
        "Model",
        "id",
        (
            Property("id", "STRING", "base name and adapter fingerprint"),
            Property("name", "STRING", "base model"),
            Property("adapter", "STRING", "adapter, if any", optional=True),
            Property("architecture", "STRING", "architecture of the base model", optional=True),
            Property("d_model", "INTEGER", "width of the residual stream", optional=True),
            Property("d_ff", "INTEGER", "MLP neurons in a layer"),
            Property("layers", "INTEGER", "layers of the whole model", optional=True),
        ),
        "a base model with its adapter",
    ),
    Node(
        "Run",
        "id",
        (
            Property("id", "STRING", "ANALYSIS/pas.exact, ANALYSIS/pas.pac.0 or ANALYSIS/imported.NAME"),
            Property("analysis", "STRING", "analysis it belongs to"),
            Property("task", "STRING", "task of the adapter, if known", optional=True),
            Property("valuation", "STRING", "pas or oca; none where partitions were imported", optional=True),
            Property("solver", "STRING", "exact, pac, ..., or imported"),
            Property("seed", "INTEGER", "seed of the solver, if it has one", optional=True),
            Property("layers", "LIST<INTEGER>", "layers analysed, in order"),
            Property("created", "STRING", "when it was computed, ISO 8601, UTC"),
            Property("config", "STRING", "the whole configuration as JSON"),
            Property("status", "STRING", "loading, complete or deleting; queries read complete runs only"),
            Property("keep", "INTEGER", "strongest edges kept of each source and target"),
            Property("fingerprint", "STRING", "what was loaded; equal content has an equal fingerprint"),
            Property("contents", "STRING", "checksums of what it is made of, by table and layer, as JSON"),
            Property("coalitions", "INTEGER", "number of its coalitions, once it is complete", optional=True),
            Property("interactions", "INTEGER", "number of its INTERACTS edges, once it is complete", optional=True),
            Property("events", "INTEGER", "number of its event edges, once it is complete", optional=True),
        ),
        "one valuation, solver and seed; also carries its parameters and honesty figures by name",
    ),
    Node(
        "Neuron",
        "id",
        (
            Property("id", "STRING", "model/L07/N00123"),
            Property("model", "STRING", "id of its model"),
            Property("layer", "INTEGER", "layer, 0-based"),
            Property("index", "INTEGER", "place in the layer, 0-based"),
        ),
        "one channel of an MLP's intermediate dimension",
        indexes=(("layer", "index"), ("model",)),
    ),
    Node(
        "Coalition",
        "id",
        (
            Property("id", "STRING", "run/L07/C0012"),
            Property("run", "STRING", "id of its run"),
            Property("layer", "INTEGER", "layer, 0-based"),
            Property("rank", "INTEGER", "0 is the largest of its layer"),
            Property("size", "INTEGER", "number of members"),
            Property(
                "fate",
                "STRING",
                "persist, split, merge or vanish; none in the last layer or if not followed",
                optional=True,
            ),
            Property(
                "origin",
                "STRING",
                "persist, split, merge or emerge; none in the first layer or if not followed",
                optional=True,
            ),
            Property("confidence", "FLOAT", "mean frequency of its pairs over resamples", optional=True),
            Property("pair", "FLOAT", "pairwise synergy", optional=True),
            Property("ratio", "FLOAT", "synergy ratio", optional=True),
            Property("drop", "FLOAT", "loss of the metric when it is ablated", optional=True),
            Property("r2", "FLOAT", "best alignment with a feature", optional=True),
            Property("feature", "STRING", "feature of best alignment", optional=True),
        ),
        "a set of neurons of one layer",
    ),
    Node(
        "Feature",
        "name",
        (
            Property("name", "STRING", "name of the feature"),
            Property("family", "STRING", "what it is made from", optional=True),
        ),
        "a feature that can be computed from the text",
    ),
    Node(
        "Part",
        "id",
        (
            Property("id", "STRING", "model/L07/neurons, analysis/pas/L07/preferences or run/L07/members"),
            Property("kind", "STRING", "the table it is: neurons, preferences, coalitions, members, ..."),
            Property("status", "STRING", "loading, complete or deleting"),
            Property("fingerprint", "STRING", "what is loaded; equal content has an equal fingerprint"),
            Property("step", "INTEGER", "batches loaded, or rows deleted so far; none when complete", optional=True),
            Property("batch", "INTEGER", "rows in a batch; none when complete", optional=True),
            Property("rows", "INTEGER", "rows of the table, once it is complete", optional=True),
            Property("events", "INTEGER", "event edges among its interactions, once it is complete", optional=True),
        ),
        "how far one table of one layer is loaded; a run's own go when it is complete",
    ),
)

RELATIONSHIPS = (
    Relationship("ANALYSES", "Run", "Model", (), "the run looked at the model"),
    Relationship("FOUND_IN", "Coalition", "Run", (), "the run found the coalition"),
    Relationship(
        "MEMBER_OF",
        "Neuron",
        "Coalition",
        (Property("utility", "FLOAT", "how much the neuron likes it; none without a valuation", optional=True),),
        "membership",
    ),
    Relationship(
        "PREFERS",
        "Neuron",
        "Neuron",
        (
            Property("analysis", "STRING", "analysis that valued the pair"),
            Property("valuation", "STRING", "pas or oca"),
            Property("rank", "INTEGER", "1 is the strongest"),
            Property("phi", "FLOAT", "the valuation"),
        ),
        "one of the neuron's strongest valuations in its layer, whatever the solver",
    ),
    Relationship(
        "INTERACTS",
        "Coalition",
        "Coalition",
        _strength(
            Property("flow", "FLOAT", "mass times both sizes"),
            Property("matched", "BOOLEAN", "taken by the maximum-weight matching of mass"),
        ),
        "the source feeds the target, in the next layer",
    ),
    Relationship("PERSISTS_AS", "Coalition", "Coalition", _strength(), "source and target live off each other"),
    Relationship(
        "SPLITS_INTO", "Coalition", "Coalition", _strength(), "the target lives off a source that feeds others too"
    ),
    Relationship(
        "MERGES_INTO", "Coalition", "Coalition", _strength(), "the source feeds a target that lives off others too"
    ),
    Relationship(
        "ALIGNS_WITH",
        "Coalition",
        "Feature",
        (Property("r2", "FLOAT", "squared correlation"),),
        "alignment with a feature",
    ),
)

EVENTS = {"persist": "PERSISTS_AS", "split": "SPLITS_INTO", "merge": "MERGES_INTO"}
"""Lineage event of an edge: its relationship type."""


def node(label: str) -> Node:
    """Return the node of that label."""
    return next(node for node in NODES if node.label == label)


def relationship(type: str) -> Relationship:
    """Return the relationship of that type."""
    return next(relationship for relationship in RELATIONSHIPS if relationship.type == type)


def place(owner: str, layer: int) -> str:
    """Return what the keys of a model's neurons, or of a run's coalitions, begin with in a layer."""
    return f"{owner}/L{layer:02d}/"


def neuron_key(index: int) -> str:
    """Return the rest of a Neuron's key."""
    return f"N{index:05d}"


def coalition_key(rank: int) -> str:
    """Return the rest of a Coalition's key."""
    return f"C{rank:04d}"


def neuron_id(model: str, layer: int, index: int) -> str:
    """Return a Neuron's key."""
    return place(model, layer) + neuron_key(index)


def coalition_id(run: str, layer: int, rank: int) -> str:
    """Return a Coalition's key."""
    return place(run, layer) + coalition_key(rank)


NODE_TABLES = ("neurons", "coalitions")
EDGE_TABLES = ("preferences", "members", "interactions", "alignments")
"""Kinds of a Part. Edges join what the node tables of their layer and of the next one have."""

OWN_TABLES = ("coalitions", "members", "interactions", "alignments")
"""Those that belong to one run; neurons belong to a model, preferences to an analysis and valuation."""


def neurons_part(model: str, layer: int) -> str:
    """Return the key of the Part of a model's neurons."""
    return place(model, layer) + "neurons"


def preferences_part(analysis: str, valuation: str, layer: int) -> str:
    """Return the key of the Part of an analysis' preferences."""
    return place(f"{analysis}/{valuation}", layer) + "preferences"


def own_parts(run: str, layer: int) -> list[str]:
    """Return the keys of the Parts that a run has to itself."""
    return [place(run, layer) + kind for kind in OWN_TABLES]
