from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mutation_kinds import KINDS, differences, mutated, regions
from tests.assets.build_assets import ASSETS

FILES = st.binary(min_size=17, max_size=200)


@given(FILES, FILES, st.integers())
def test_a_mutant_differs_and_is_decided_by_the_seed(data, other, seed):
    kind, mutant = mutated(data, [other], random.Random(seed))
    assert kind in KINDS
    assert mutant != data
    assert mutated(data, [other], random.Random(seed)) == (kind, mutant)


@given(FILES, FILES, st.integers())
def test_outside_of_the_differences_nothing_differs(data, other, seed):
    _, mutant = mutated(data, [other], random.Random(seed))
    ranges = differences(data, mutant)
    assert ranges
    kept_end = len(data) - ranges[-1][1]
    assert mutant[: ranges[0][0]] == data[: ranges[0][0]]
    assert mutant[len(mutant) - kept_end :] == data[len(data) - kept_end :]


@pytest.mark.parametrize(
    ("name", "media_type", "marker", "part"),
    [
        ("signed.png", "image/png", b"jumb", "caBX"),
        ("signed.png", "image/png", b"IDAT", "IDAT"),
        ("signed.jpg", "image/jpeg", b"jumb", "marker EB"),
        ("signed.webp", "image/webp", b"jumb", "C2PA"),
        ("signed.webp", "image/webp", b"WEBP", "RIFF header"),
        ("signed.avif", "image/avif", b"jumb", "uuid"),
        ("signed.avif", "image/avif", b"mif1", "ftyp"),
        ("signed.tiff", "image/tiff", b"jumb", "manifest store"),
        ("signed.gif", "image/gif", b"GIF", "before the manifest store"),
    ],
)
def test_a_byte_is_placed_in_its_part(name, media_type, marker, part):
    data = ASSETS[name]()
    at = data.index(marker)
    assert regions(data, media_type, [(at, at + 1)]) == {part}


def test_what_reaches_into_two_parts_names_both():
    data = ASSETS["signed.png"]()
    end = data.index(b"caBX") - 4
    assert regions(data, "image/png", [(end - 1, end + 1)]) >= {"caBX"}
    assert len(regions(data, "image/png", [(end - 1, end + 1)])) == 2
    assert regions(data, "image/png", [(len(data), len(data))]) == {"after the end"}
