"""The packaged example: text that every Python carries, and a small adapter trained on it."""

from pathlib import Path

ADAPTER = Path(__file__).with_name("adapter")
"""A LoRA of rank 8 on the MLP projections of layers 7-14 of SmolLM2-135M-Instruct, made by ``train``."""
