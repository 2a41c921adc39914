"""Quote what a stranger wrote: short, and unable to steer whatever shows it.

Manifests, metadata and addresses in files are written by whoever made the file. Control characters could drive a terminal,
direction marks turn a name around ("gnp.exe"), and zero-width ones hide a difference between two names. Markup is left as it
is: it is text here, and a page must escape all text anyway.

Source: Unicode Standard Annex 9; Unicode Technical Report 36, "Security Considerations".
"""

from __future__ import annotations

import re
from typing import Final

MAX_QUOTED_CHARACTERS: Final = 500
"""Longest quotation, unless the caller says otherwise."""
_UNSEEN: Final = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]")
"""Printable by category, and yet nobody sees them: fillers, blanks, variation selectors but for the one of emoji."""


def quoted(value: object, limit: int = MAX_QUOTED_CHARACTERS) -> str:
    r"""`value` as text of at most `limit` characters, each of them printable; empty for None.

    A cut is marked with an ellipsis, a character that is not printable becomes U+FFFD.

    >>> quoted("photo\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe")
    'photo\ufffdgnp.exe'
    >>> quoted("abcdef", 4)
    'abc…'
    """
    text = "" if value is None else str(value)
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    shown = _UNSEEN.sub("\ufffd", short)
    return shown if shown.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in shown)
