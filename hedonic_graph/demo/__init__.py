"""The packaged example: text that every Python carries, and a small adapter trained on it."""
