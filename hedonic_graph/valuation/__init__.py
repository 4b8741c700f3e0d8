"""How much neurons value each other: PAS and OCA (DESIGN §3.3-3.4)."""

DEVICE_TOLERANCE = 1e-4
"""Largest difference of a valuation on two devices, relative to its largest entry: they add in different orders.

``hedonic-graph bench compute --device cuda`` compares.
"""
