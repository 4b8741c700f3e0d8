"""Partitions computed elsewhere: readers of pickles, JSON and CSV that trust nothing in them."""
