"""What a web server says of mining the asset it serves: the TDM Reservation Protocol.

The header fields of the response, or the first rule of `/.well-known/tdmrep.json` whose pattern matches the asset's path; the
header supersedes the file. Whoever runs the server says so, nothing is signed, and no verdict rests on it. Fetching is not done
here, HTML and policies are not read.

Source: TDM Reservation Protocol, W3C Final Community Group Report, 10 May 2024.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.asset import Asset
from provenance.evidence import DeclarationEvidence, Evidence, Forgeability, Layer, Outcome, StatusEvidence
from provenance.quoting import quoted
from provenance.status_codes import TDM_ABSENT, TDM_MALFORMED
from provenance.validation.wishes import tdm_wishes

WELL_KNOWN_PATH: Final = "/.well-known/tdmrep.json"
MAX_FILE_BYTES: Final = 2**20
"""Largest file of rules read."""
MAX_RULES: Final = 10_000
MAX_PATH: Final = 4096
HEADER_LOCATOR: Final = "HTTP:tdm-reservation"
_MAX_POLICY: Final = 2048
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SPECIAL: Final = str.maketrans({"*": "%2A", "$": "%24"})


@dataclass(frozen=True, slots=True)
class Reservation:
    """What the server of an asset said of mining it; plain, so that it can be kept beside a job."""

    value: str = ""
    """As in `tdm-reservation`: 1, 0, or empty for unset."""
    policy: str = ""
    """As in `tdm-policy`."""
    locator: str = ""
    """Where it was said."""
    flaw: str = ""
    """Why the server's rules could not be read; empty where they could, or where there are none."""


class TdmrepExaminer:
    """Says what the server of one asset reserves."""

    name = "tdmrep"

    def __init__(self, reservation: Reservation) -> None:
        """Speak of the asset whose server said so."""
        self._reservation = reservation

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """The server's wish, `tdmrep.absent`, or `tdmrep.malformed` for rules that cannot be read: none of them an obstacle."""
        del asset  # the server speaks of its address
        said = self._reservation
        wishes = tdm_wishes(said.value, said.policy)
        if wishes:
            locator = quoted(said.locator)
            return [DeclarationEvidence(self.name, Layer.METADATA, Forgeability.TEXT, wishes=wishes, locator=locator)]
        if said.flaw:
            return [StatusEvidence(self.name, TDM_MALFORMED, Outcome.INFORMATIONAL, WELL_KNOWN_PATH, quoted(said.flaw))]
        return [StatusEvidence(self.name, TDM_ABSENT, Outcome.INFORMATIONAL)]


def header_reservation(headers: Mapping[str, str]) -> Reservation | None:
    """What the response said itself; None where it says nothing that counts.

    Args:
        headers: Of the response, names in lower case.
    """
    value, policy = headers.get("tdm-reservation", ""), headers.get("tdm-policy", "")
    return Reservation(value.strip(), policy[:_MAX_POLICY], HEADER_LOCATOR) if tdm_wishes(value) else None


def file_reservation(rules: bytes, path: str) -> Reservation:
    """What the server's tdmrep.json says of `path`.

    Args:
        rules: The file.
        path: Path and query of the asset's URL.
    """
    try:
        rule = first_rule(rules, path)
    except ValueError as err:
        return Reservation(flaw=quoted(err))
    if rule is None or not tdm_wishes(rule.reservation):
        return Reservation()
    return Reservation(rule.reservation, rule.policy[:_MAX_POLICY], quoted(f"{WELL_KNOWN_PATH}: {rule.location}"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a tdmrep.json."""

    location: str
    """Pattern of a path: `*` for any characters, `$` for the end."""
    reservation: str
    policy: str


def first_rule(rules: bytes, path: str) -> Rule | None:
    """The first of `rules` that matches `path`, or None.

    Raises:
        ValueError: It is no JSON array, or over a limit. A rule that is none is passed over.
    """
    if len(rules) > MAX_FILE_BYTES:
        raise ValueError(f"a file of {len(rules)} bytes, the limit is {MAX_FILE_BYTES}")
    if len(path) > MAX_PATH:  # every rule reads the path once, and a redirect may have made it long
        raise ValueError(f"a path of {len(path)} characters, the limit is {MAX_PATH}")
    try:
        entries = json.loads(rules)
    except RecursionError as err:
        raise ValueError("the JSON is nested too deeply") from err
    if not isinstance(entries, list):
        raise ValueError("no JSON array of rules")
    wanted = _unescaped(path).translate(_SPECIAL)
    for entry in entries[:MAX_RULES]:
        if isinstance(entry, dict) and isinstance(location := entry.get("location"), str) and _matches(location, wanted):
            reservation, policy = entry.get("tdm-reservation"), entry.get("tdm-policy")
            # JSON's true is an integer to Python, and neither 1 nor 0 to the protocol.
            counts = isinstance(reservation, int | str) and not isinstance(reservation, bool)
            number = str(reservation) if counts else ""
            return Rule(location, number, policy if isinstance(policy, str) else "")
    return None


def _matches(pattern: str, path: str) -> bool:
    """Whether `path` begins with `pattern`, in one pass however many asterisks there are."""
    ends = pattern.endswith("$")
    first, *rest = _unescaped(pattern.removesuffix("$")).split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for position, part in enumerate(rest):
        if ends and position == len(rest) - 1:
            return path.endswith(part) and len(path) - len(part) >= at
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not ends or at == len(path)


def _unescaped(text: str) -> str:
    """Percent-encoded unreserved characters as themselves, all others in capital hexadecimal."""

    def decoded(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(decoded, text)
