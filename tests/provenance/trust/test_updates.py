"""Taking in a published list: what is read from it, what vouches for it, and what is too odd to believe."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import ssl
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from hypothesis import example, given
from hypothesis import strategies as st

from provenance.errors import TrustStoreError, TrustUpdateRefused
from provenance.evidence import Tier
from provenance.trust.list_kind import ListKind
from provenance.trust.snapshots import ListSnapshot, Publication, snapshot_of
from provenance.trust.store import TrustList, TrustPurpose
from provenance.trust.updates import (
    MAX_LIST_BYTES,
    ListChange,
    change,
    parse_list,
    require_digest,
    require_plausible,
    require_signature,
)
from tests.assets.chains import authority, pem_of, sound_chain

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRUSTED = "http://c2pa.org/conformance/trust-list/trusted"


@cache
def roots(count: int = 4) -> tuple[x509.Certificate, ...]:
    return tuple(authority(f"Root {n}").certificate for n in range(count))


def as_json(
    certificates: tuple[x509.Certificate, ...], *, status: str = TRUSTED, issued: str = "2026-10-01T00:00:00Z"
) -> bytes:
    """As C2PA publishes its list, with one service an entity."""
    ders = [c.public_bytes(serialization.Encoding.DER) for c in certificates]
    services = [
        {
            "ServiceInformation": {
                "ServiceDigitalIdentity": {"X509Certificates": [{"val": base64.b64encode(der).decode()}]},
                "ServiceStatus": status,
            }
        }
        for der in ders
    ]
    entities = [{"TrustedEntityInformation": {}, "TrustedEntityServices": [service]} for service in services]
    scheme = {"LoTEVersionIdentifier": 1, "ListIssueDateTime": issued}
    return json.dumps({"LoTE": {"ListAndSchemeInformation": scheme, "TrustedEntitiesList": entities}}).encode()


def a_list(certificates: tuple[x509.Certificate, ...], issued: date = date(2026, 10, 1)) -> ListSnapshot:
    return snapshot_of(ListKind.SIGNERS, certificates, Publication(issued, issued, "x", "y"))


# --- reading


def test_pem_has_certificates_and_no_date() -> None:
    found = parse_list(b"Subject\tCN=Root 0\n" + pem_of(roots()))
    assert (found.certificates, found.issued) == (roots(), None)


def test_json_has_certificates_and_a_date() -> None:
    found = parse_list(as_json(roots()))
    assert (found.certificates, found.issued) == (roots(), date(2026, 10, 1))


def test_the_official_list_says_the_same_in_both_forms(shared: Path) -> None:
    folder = shared / "c2pa/trust"
    found = parse_list((folder / "C2PA-TRUST-LIST.json").read_bytes())
    pem = parse_list((folder / "C2PA-TRUST-LIST.pem").read_bytes())
    assert (found.issued, set(found.certificates)) == (date(2026, 8, 5), set(pem.certificates))


def test_a_service_that_is_not_trusted_any_more_is_left_out() -> None:
    with pytest.raises(TrustStoreError, match="no certificate that is trusted"):
        parse_list(as_json(roots(), status="http://c2pa.org/conformance/trust-list/withdrawn"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"{}",
        b"{",
        b"[" * 100_000,
        b'{"LoTE": 1}',
        b'{"LoTE":' + b'{"a":' * 100_000,
        as_json(roots(), issued="yesterday"),
        as_json(roots()).replace(b'"val": "MI', b'"val": "!!'),
        as_json(()),
        b" " * (MAX_LIST_BYTES + 1),
    ],
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(TrustStoreError):
        parse_list(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
INSIDE = st.fixed_dictionaries({"ListAndSchemeInformation": JSON, "TrustedEntitiesList": JSON})


@given(content=JSON | st.fixed_dictionaries({"LoTE": JSON | INSIDE}))
@example(content={"LoTE": {"ListAndSchemeInformation": {"ListIssueDateTime": "2026-01-01"}, "TrustedEntitiesList": [{}]}})
def test_any_json_is_read_or_refused(content: Any) -> None:
    with contextlib.suppress(TrustStoreError):
        parse_list(json.dumps(content).encode())


@given(data=st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(TrustStoreError):
        parse_list(data)


def of_version(certificate: x509.Certificate, version: int) -> bytes:
    """The certificate in PEM, claiming to be of a version that does not exist."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    at = der.index(b"\xa0\x03\x02\x01\x02") + 4
    text = base64.encodebytes(der[:at] + bytes([version]) + der[at + 1 :])
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def test_a_certificate_of_an_unknown_version_is_refused() -> None:
    pem = of_version(roots()[0], 9)
    with pytest.raises(TrustStoreError):
        parse_list(pem)
    with pytest.raises(TrustStoreError):
        TrustList("odd", TrustPurpose.SIGNERS, Tier.CURRENT, pem)


def test_a_certificate_with_a_flipped_bit_is_read_or_refused() -> None:
    der = roots()[0].public_bytes(serialization.Encoding.DER)
    refused = 0
    for at in range(len(der)):
        pem = ssl.DER_cert_to_PEM_cert(der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]).encode()
        try:
            change(None, a_list(parse_list(pem).certificates))
        except TrustStoreError:
            refused += 1
    assert refused > 50


# --- what vouches for it

DATA = b"a list"
KEYS: dict[str, tuple[Any, Callable[[Any], bytes]]] = {
    "Ed25519": (ed25519.Ed25519PrivateKey.generate(), lambda key: key.sign(DATA)),
    "P-256": (ec.generate_private_key(ec.SECP256R1()), lambda key: key.sign(DATA, ec.ECDSA(hashes.SHA256()))),
    "RSA": (rsa.generate_private_key(65537, 2048), lambda key: key.sign(DATA, padding.PKCS1v15(), hashes.SHA256())),
}


def public(key: Any) -> bytes:
    encoded: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def test_the_digest_given_must_be_the_lists() -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    require_digest(DATA, f" {digest.upper()}\n")
    for wrong in (digest[:-1], "0" * 64, "", "é"):
        with pytest.raises(TrustUpdateRefused, match=digest):
            require_digest(DATA, wrong)


@pytest.mark.parametrize("kind", KEYS)
def test_a_signature_holds_for_its_bytes_and_key_only(kind: str) -> None:
    key, sign = KEYS[kind]
    name = require_signature(DATA, sign(key), public(key))
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert name == f"sha256:{hashlib.sha256(spki).hexdigest()}"
    stranger = {"Ed25519": "P-256", "P-256": "RSA", "RSA": "Ed25519"}[kind]
    for data, signature, pem in (
        (DATA + b"!", sign(key), public(key)),
        (DATA, sign(key)[:-1], public(key)),
        (DATA, b"", public(key)),
        (DATA, sign(key), public(KEYS[stranger][0])),
    ):
        with pytest.raises(TrustUpdateRefused, match="does not hold"):
            require_signature(data, signature, pem)


@pytest.mark.parametrize("key", [ed448.Ed448PrivateKey.generate(), rsa.generate_private_key(65537, 1024)])
def test_keys_of_other_kinds_are_not_taken(key: Any) -> None:
    with pytest.raises(TrustUpdateRefused, match="the key is no"):
        require_signature(DATA, b"", public(key))


@pytest.mark.parametrize("pem", [b"", b"junk", sound_chain().key_pem, sound_chain().root_pem])
def test_what_is_no_public_key_is_not_taken(pem: bytes) -> None:
    with pytest.raises(TrustUpdateRefused, match="public key"):
        require_signature(DATA, b"", pem)


# --- what it changes


def test_change_names_who_comes_and_who_goes() -> None:
    before, after = a_list(roots()[:3]), a_list(roots()[1:])
    subjects = tuple(root.subject.rfc4514_string() for root in roots())
    assert change(before, after) == ListChange(added=subjects[3:], removed=subjects[:1])
    assert change(before, before) == ListChange((), ())
    assert change(None, before).added == subjects[:3]


@pytest.mark.parametrize("kept", [2, 3, 4])
def test_half_of_a_list_may_go(kept: int) -> None:
    require_plausible(a_list(roots()), a_list(roots()[:kept]), at=AT)


def test_more_than_half_of_a_list_may_not_go() -> None:
    with pytest.raises(TrustUpdateRefused, match="less than half of the 4"):
        require_plausible(a_list(roots()), a_list(roots()[:1]), at=AT)


def test_an_older_list_is_refused_and_one_of_the_same_day_is_not() -> None:
    require_plausible(a_list(roots()), a_list(roots()), at=AT)
    with pytest.raises(TrustUpdateRefused, match="before the one in force"):
        require_plausible(a_list(roots()), a_list(roots(), date(2026, 9, 30)), at=AT)


def test_a_list_from_the_future_is_refused_even_as_the_first() -> None:
    require_plausible(None, a_list(roots(), AT.date() + timedelta(days=1)), at=AT)
    with pytest.raises(TrustUpdateRefused, match="in the future"):
        require_plausible(None, a_list(roots(), AT.date() + timedelta(days=2)), at=AT)
