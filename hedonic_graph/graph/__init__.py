"""The graph: schema, stores, loader and named statements (DESIGN §6)."""
