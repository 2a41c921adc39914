"""Scores first, metrics later: prediction rows on disk, and pure functions over them."""
