from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.errors import TrustStoreError
from provenance.trust.revocation import Revocations
from tests.assets.chains import NOW, chain, sound_chain

LEAF = sound_chain().leaf
DIGEST = LEAF.fingerprint(SHA256()).hex()
KEY = hashlib.sha256(LEAF.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
SINCE = NOW.isoformat()


def loaded(home: Path, document: object, name: str = "own.json") -> Revocations:
    folder = home / "trust" / "revoked"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(document if isinstance(document, str) else json.dumps(document))
    return Revocations.load(home)


@pytest.mark.parametrize(
    "named",
    [
        {"certificate_sha256": DIGEST},
        {"certificate_sha256": DIGEST.upper()},
        {"spki_sha256": KEY},
        {"issuer": LEAF.issuer.rfc4514_string(), "serial": f"{LEAF.serial_number:x}"},
        {"issuer": LEAF.issuer.rfc4514_string(), "serial": f"0x{LEAF.serial_number:X}"},
    ],
)
def test_a_certificate_is_named(named: dict[str, str], tmp_path: Path) -> None:
    revocations = loaded(tmp_path, {"revoked": [{**named, "since": SINCE, "reason": "key compromise"}]})
    found = revocations.of(sound_chain().certificates, signed_at=None)
    assert found is not None
    assert (found.since, found.reason) == (NOW, "key compromise")
    assert revocations.of(chain().certificates, signed_at=None) is None


def test_a_renewal_with_the_same_key_is_caught_by_the_key_alone(tmp_path: Path) -> None:
    renewed = chain(key=sound_chain().key).certificates
    by_key = loaded(tmp_path / "a", {"revoked": [{"spki_sha256": KEY, "since": SINCE}]})
    by_digest = loaded(tmp_path / "b", {"revoked": [{"certificate_sha256": DIGEST, "since": SINCE}]})
    assert by_key.of(renewed, signed_at=None) is not None
    assert by_digest.of(renewed, signed_at=None) is None


def test_an_authority_takes_everything_below_it_along(tmp_path: Path) -> None:
    root = sound_chain().authorities[-1].certificate.fingerprint(SHA256()).hex()
    assert loaded(tmp_path, {"revoked": [{"certificate_sha256": root, "since": SINCE}]}).of(
        sound_chain().certificates, signed_at=None
    )


@pytest.mark.parametrize(("seconds", "counts"), [(-1, True), (0, False), (1, False)])
def test_only_what_was_stamped_before_still_counts(seconds: int, counts: bool, tmp_path: Path) -> None:
    revocations = loaded(tmp_path, {"revoked": [{"certificate_sha256": DIGEST, "since": SINCE}]})
    found = revocations.of(sound_chain().certificates, signed_at=NOW + timedelta(seconds=seconds))
    assert (found is None) is counts


def test_lists_add_up_and_have_a_digest(tmp_path: Path) -> None:
    assert Revocations.load(tmp_path) == Revocations()
    one = loaded(tmp_path, {"revoked": [{"certificate_sha256": DIGEST, "since": SINCE}]}, "a.json")
    two = loaded(tmp_path, {"revoked": [{"spki_sha256": KEY, "since": SINCE}]}, "b.json")
    assert (len(one.entries), len(two.entries)) == (1, 2)
    assert len({"", one.sha256, two.sha256}) == 3


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        {},
        {"revoked": {}},
        {"revoked": [], "more": []},
        {"revoked": [17]},
        {"revoked": [{"since": SINCE}]},
        {"revoked": [{"certificate_sha256": DIGEST}]},
        {"revoked": [{"certificate_sha256": DIGEST[:-1], "since": SINCE}]},
        {"revoked": [{"certificate_sha256": DIGEST, "spki_sha256": KEY, "since": SINCE}]},
        {"revoked": [{"certificate_sha256": DIGEST, "since": "soon"}]},
        {"revoked": [{"certificate_sha256": DIGEST, "since": "2026-11-01T00:00:00"}]},
        {"revoked": [{"certificate_sha256": DIGEST, "since": SINCE, "reson": "a misspelt word"}]},
        {"revoked": [{"issuer": "Some CA", "serial": "1", "since": SINCE}]},
        {"revoked": [{"issuer": "CN=Some CA, O=with a blank", "serial": "1", "since": SINCE}]},
        {"revoked": [{"issuer": "CN=Some CA", "serial": "12x", "since": SINCE}]},
        {"revoked": [{"issuer": "CN=Some CA", "since": SINCE}]},
        {"revoked": [{"issuer": "CN=Some CA", "serial": 17, "since": SINCE}]},
    ],
)
def test_a_list_that_cannot_be_read_stops_the_program(document: object, tmp_path: Path) -> None:
    with pytest.raises(TrustStoreError, match=r"own\.json"):
        loaded(tmp_path, document)


def test_a_list_that_is_not_utf8_stops_the_program(tmp_path: Path) -> None:
    (tmp_path / "trust" / "revoked").mkdir(parents=True)
    (tmp_path / "trust" / "revoked" / "own.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(TrustStoreError):
        Revocations.load(tmp_path)
