"""Options in a signer's URI, and the addresses that may be asked for a signature."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

from provenance.errors import CredentialInvalid


def options(text: str, known: Collection[str], *, scheme: str) -> dict[str, str]:
    """`name=value` pairs joined by "&", percent-encoded, each name at most once.

    Raises:
        CredentialInvalid: One is not known, empty or said twice.
    """
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True) if text else []
    except ValueError as err:
        raise CredentialInvalid(f"the options of {scheme}: are name=value, joined by &") from err
    for name, value in pairs:
        if name not in known or name in found or not value:
            listed = ", ".join(sorted(known))
            raise CredentialInvalid(f"{scheme}: has no option {name[:40]!r}, or has it twice or empty; there are {listed}")
        found[name] = value
    return found


def require_safe_address(address: str) -> None:
    """Return only if `address` is https, or http on this machine: keys are not asked for in the clear.

    Raises:
        CredentialInvalid: It is neither, or it carries a name or password.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as err:
        raise CredentialInvalid(f"a signer's address is no URL: {err}") from err
    if not host or parts.username is not None or parts.password is not None:
        raise CredentialInvalid("a signer's address has a host, and no name or password in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise CredentialInvalid("a signer is asked over https, or over http on this machine only")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
