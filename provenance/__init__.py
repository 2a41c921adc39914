"""The mark: read it, judge it, strike it."""
