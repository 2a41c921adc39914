from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.quoting import quoted


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain — ünïcode 字", "plain — ünïcode 字"),
        ("<script>alert(1)</script>' OR 1=1; --", "<script>alert(1)</script>' OR 1=1; --"),
        ("\x1b]0;owned\x07", "\ufffd]0;owned\ufffd"),
        ("photo\u202egnp.exe", "photo\ufffdgnp.exe"),
        ("Ado\u200bbe\u2066", "Ado\ufffdbe\ufffd"),
        ("Adobe\u3164", "Adobe\ufffd"),
        ("Ado\u034fbe\ufe01\u2800", "Ado\ufffdbe\ufffd\ufffd"),
        ("two\nlines\r\t", "two\ufffdlines\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        (None, ""),
        (17, "17"),
    ],
)
def test_quotation(hostile: object, shown: str) -> None:
    assert quoted(hostile) == shown


def test_a_cut_is_marked() -> None:
    assert quoted("A" * 5000) == "A" * 499 + "…"
    assert quoted("A" * 500) == "A" * 500


@given(st.text(), st.integers(1, 50))
def test_whatever_is_quoted_is_short_and_printable(text: str, limit: int) -> None:
    assert len(quoted(text, limit)) <= limit
    assert quoted(text, limit).isprintable()
