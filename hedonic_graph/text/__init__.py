"""Text a model is analysed on: pairs of a query and a passage, readers and task labels."""
