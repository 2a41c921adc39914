"""HTTP under `/v1`, one module per resource; handlers are thin."""
