"""Coalitions of MLP neurons in LoRA-tuned language models, their lineage, and both as a graph."""

__version__ = "0.1.0"
