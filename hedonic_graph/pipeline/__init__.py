"""From a model and text to a finished analysis folder, stage by stage (DESIGN §5)."""
