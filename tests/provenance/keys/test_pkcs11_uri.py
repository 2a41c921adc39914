from __future__ import annotations

import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import CredentialInvalid, CredentialMissing
from provenance.keys import without_pin
from provenance.keys.pkcs11_uri import Pkcs11Uri

MODULE = "module-path=/usr/lib/softhsm/libsofthsm2.so"


def test_every_part() -> None:
    uri = "pkcs11:token=My%20token;serial=0a1B;object=sign%3ber;id=%01%ff;type=private"
    parsed = Pkcs11Uri.parse(f"{uri}?{MODULE}&pin-source=file:/run/secrets/pin&chain=/etc/chain.pem")
    assert parsed == Pkcs11Uri(
        token="My token",
        serial="0a1B",
        object="sign;er",
        id=b"\x01\xff",
        module_path=Path("/usr/lib/softhsm/libsofthsm2.so"),
        pin_source=Path("/run/secrets/pin"),
        chain=Path("/etc/chain.pem"),
    )


@pytest.mark.parametrize("source", ["/run/pin", "file:/run/pin", "file:///run/pin"])
def test_ways_to_name_a_file(source: str) -> None:
    assert Pkcs11Uri.parse(f"pkcs11:token=t;id=%01?{MODULE}&pin-source={source}").pin_source == Path("/run/pin")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (f"pkcs11:object=o?{MODULE}", "needs token= or serial="),
        (f"pkcs11:token=t?{MODULE}", "object= or id="),
        ("pkcs11:token=t;object=o", "needs module-path="),
        (f"pkcs11:token=t;object=o;slot-id=3?{MODULE}", "no attribute 'slot-id'"),
        (f"pkcs11:token=t;object=o?{MODULE}&module-name=x", "no attribute 'module-name'"),
        (f"pkcs11:token=t;token=u;object=o?{MODULE}", "names token twice"),
        (f"pkcs11:token=t;object=o;type=cert?{MODULE}", "names a private key"),
        (f"pkcs11:token=t;object=o?{MODULE}&pin-source=/p&pin-value=1", "not both"),
        (f"pkcs11:token=t;object=o?{MODULE}&pin-source=|cat", "absolute path"),
        (f"pkcs11:token=t;object=o?{MODULE}&pin-source=https://host/pin", "absolute path"),
        ("pkcs11:token=t;object=o?module-path=libsofthsm2.so", "absolute path"),
        (f"pkcs11:token=%ff;object=o?{MODULE}", "not UTF-8"),
        (f"pkcs11:token;object=o?{MODULE}", "no attribute 'token'"),
    ],
)
def test_what_does_not_name_one_key_is_refused(uri: str, said: str) -> None:
    with pytest.raises(CredentialInvalid) as caught:
        Pkcs11Uri.parse(uri)
    assert said in str(caught.value)


def test_a_pin_is_not_shown() -> None:
    uri = f"pkcs11:token=t;object=o?pin-value=271828&{MODULE}"
    parsed = Pkcs11Uri.parse(uri)
    assert parsed.pin() == "271828"
    assert "271828" not in repr(parsed)
    assert without_pin(uri) == f"pkcs11:token=t;object=o?pin-value=***&{MODULE}"
    assert without_pin("file:/pin-value") == "file:/pin-value"


def test_the_rest_of_a_pin_with_an_ampersand_is_not_repeated() -> None:
    with pytest.raises(CredentialInvalid, match="no such attribute") as caught:
        Pkcs11Uri.parse(f"pkcs11:token=t;object=o?{MODULE}&pin-value=27&1828")
    assert "1828" not in str(caught.value)


def test_a_pin_that_is_no_text_is_in_no_trace(tmp_path: Path) -> None:
    (tmp_path / "pin").write_bytes(b"271828\xff")
    with pytest.raises(CredentialMissing, match="not UTF-8") as caught:
        Pkcs11Uri.parse(f"pkcs11:token=t;object=o?{MODULE}&pin-source={tmp_path}/pin").pin()
    assert "271828" not in "".join(traceback.format_exception(caught.value))


def test_a_pin_is_read_anew_from_its_file(tmp_path: Path) -> None:
    parsed = Pkcs11Uri.parse(f"pkcs11:token=t;object=o?{MODULE}&pin-source={tmp_path}/pin")
    with pytest.raises(CredentialMissing, match="no PIN in"):
        parsed.pin()
    for pin in ("1234", "with space "):
        (tmp_path / "pin").write_text(pin + "\n")
        assert parsed.pin() == pin


@given(st.text(min_size=1), st.text(min_size=1), st.binary(min_size=1))
def test_whatever_is_percent_encoded_comes_back(token: str, label: str, identifier: bytes) -> None:
    parsed = Pkcs11Uri.parse(
        f"pkcs11:token={quote(token, safe='')};object={quote(label, safe='')};id={quote(identifier)}?{MODULE}"
    )
    assert (parsed.token, parsed.object, parsed.id) == (token, label, identifier)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        Pkcs11Uri.parse(f"pkcs11:{text}")
    except CredentialInvalid:
        return


@given(st.text(alphabet="token=;object&?module-path/pin%0aFf\ud800", max_size=60))
def test_any_mixture_of_parts_is_parsed_or_refused(text: str) -> None:
    try:
        Pkcs11Uri.parse(f"pkcs11:token=t;object=o?module-path=/m&{text}")
    except CredentialInvalid:
        return
