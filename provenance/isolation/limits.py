"""What one request to a parser may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a parser; frozen."""

    memory_bytes: int = 2**30
    """What a parser may map beyond what it needs to exist. A picture of 50 megapixels takes up to 750 MB for a moment."""
    cpu_s: float = 30.0
    """Processor time of one request, over all threads; rounded up to whole seconds."""
    wall_s: float = 60.0
    """Time of one request, waiting for the processor included."""
    start_s: float = 60.0
    """Time a new parser has to get ready."""
    processes: int = 2
    """Parsers at a time."""
    requests_per_process: int = 1000
    """A parser is replaced after as many assets: what hostile bytes may have done to it ends there."""
    growth_bytes: int = 256 * 2**20
    """A parser that keeps this much more memory than its first asset left it with is replaced."""
