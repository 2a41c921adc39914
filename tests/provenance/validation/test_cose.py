from __future__ import annotations

import contextlib
import io
import json

import c2pa
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from provenance.keys import Algorithm
from provenance.validation.cbor import decode_cbor, encode_cbor
from provenance.validation.cose import signing_chain, time_stamp_tokens
from tests.assets.attacks import png_chunks, signed
from tests.assets.chains import chain, sound_chain


def store_of(*, algorithm: Algorithm = Algorithm.ES256) -> tuple[bytes, str]:
    """A manifest store and the label of its active manifest."""
    asset = signed(chain=sound_chain(algorithm))
    reader = c2pa.Reader("image/png", io.BytesIO(asset.data))
    return dict(png_chunks(asset.data))[b"caBX"], json.loads(reader.json())["active_manifest"]


@pytest.mark.parametrize("algorithm", Algorithm)
def test_chain_of_the_signature_is_found(algorithm: Algorithm) -> None:
    assert signing_chain(*store_of(algorithm=algorithm)) == sound_chain(algorithm).certificates


def test_each_manifest_has_its_own() -> None:
    parent, child = sound_chain(), chain()
    data = signed(chain=child, parents=(signed(chain=parent),)).data
    store = json.loads(c2pa.Reader("image/png", io.BytesIO(data)).json())
    leaves = {label: signing_chain(dict(png_chunks(data))[b"caBX"], label) for label in store["manifests"]}
    assert leaves.pop(store["active_manifest"]) == child.certificates
    assert list(leaves.values()) == [parent.certificates]


def test_another_label_is_an_error() -> None:
    store, _ = store_of()
    with pytest.raises(ValueError, match="there are 0"):
        signing_chain(store, "urn:c2pa:other")


def test_two_manifests_of_one_name_are_an_error() -> None:
    store, label = store_of()
    description_end = 8 + int.from_bytes(store[8:12], "big")
    doubled = store + store[description_end:]
    with pytest.raises(ValueError, match="there are 2"):
        signing_chain(len(doubled).to_bytes(4, "big") + doubled[4:], label)


@given(st.integers(0, 20_000), st.integers(0, 255))
def test_any_mutation_gives_a_certificate_or_value_error(at: int, value: int) -> None:
    store, label = _STORE
    mutated = bytearray(store)
    mutated[at % len(store)] = value
    with contextlib.suppress(ValueError):
        assert all(isinstance(found, x509.Certificate) for found in signing_chain(bytes(mutated), label))


@given(st.binary(max_size=60))
def test_any_bytes_are_cbor_or_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode_cbor(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [  # RFC 8949, appendix A
        ("00", 0),
        ("1818", 24),
        ("1903e8", 1000),
        ("1b000000e8d4a51000", 1000000000000),
        ("3903e7", -1000),
        ("4401020304", b"\1\2\3\4"),
        ("6449455446", "IETF"),
        ("83010203", [1, 2, 3]),
        ("a201020304", ((1, 2), (3, 4))),
        ("a2010 20104".replace(" ", ""), ((1, 2), (1, 4))),
        ("c11a514b67b0", 1363896240),
        ("5f42010243030405ff", b"\1\2\3\4\5"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f01820203ff", [1, [2, 3]]),
        ("bf6161019fff".replace("9fff", "61629fffff"), (("a", 1), ("b", []))),
    ],
)
def test_cbor_examples(text: str, value: object) -> None:
    assert decode_cbor(bytes.fromhex(text)) == value


@pytest.mark.parametrize("text", ["", "ff", "0000", "18", "1c", "42ff", "5f6161ff", "81ff", "bf01ff", "1f", "81" * 64 + "00"])
def test_malformed_cbor_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"CBOR|codec|utf"):
        decode_cbor(bytes.fromhex(text))


_STORE = store_of()


def superbox(label: str, content: bytes) -> bytes:
    described = b"jumd" + bytes(16) + b"\x03" + label.encode() + b"\0"
    content = (len(described) + 4).to_bytes(4, "big") + described + content
    return (8 + len(content)).to_bytes(4, "big") + b"jumb" + content


def stamped(claim_label: str, header: str) -> bytes:
    """A store whose signature has a time-stamp of this kind."""
    sign1 = encode_cbor([encode_cbor({1: -7}), {header: {"tstTokens": [{"val": b"token"}]}}, None, bytes(64)])
    signature = (8 + len(sign1)).to_bytes(4, "big") + b"cbor" + sign1
    return superbox("c2pa", superbox("urn:x", superbox(claim_label, b"") + superbox("c2pa.signature", signature)))


@pytest.mark.parametrize(
    ("claim", "header"), [("c2pa.claim", "sigTst"), ("c2pa.claim", "sigTst2"), ("c2pa.claim.v2", "sigTst2")]
)
def test_time_stamps_of_a_claim(claim: str, header: str) -> None:
    assert time_stamp_tokens(stamped(claim, header), "urn:x") == (b"token",)


def test_a_newer_claim_may_not_have_an_older_time_stamp() -> None:
    """It is over the claim and not over its signature, so it can be older than the key."""
    with pytest.raises(ValueError, match="over a newer claim"):
        time_stamp_tokens(stamped("c2pa.claim.v2", "sigTst"), "urn:x")
