"""What a rights holder wishes for mining and training, as manifests and metadata say it.

A wish says nothing of how an asset was made, and no conclusion rests on one. What is not understood is left out, never guessed.

Source: CAWG Training and Data Mining Assertion 1.1 (and `c2pa.training-mining` of C2PA 1.x, which it replaced); PLUS Data
Mining vocabulary, as in IPTC Photo Metadata Standard 2023.1; W3C TDM Reservation Protocol, Final Community Group Report 2024.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from provenance.evidence import Permission, UsageWish, Use
from provenance.quoting import quoted

_ASSERTION: Final = re.compile(r"(?:cawg|c2pa)\.training-mining(?:\.v\d+)?(?:__\d+)?")
_CONSTRAINTS: Final = ("constraint_info", "constraints_info")  # the second is how C2PA 1.x examples spell it
_USES: Final = {use.value.partition(".")[2]: use for use in Use}
_PERMISSIONS: Final = {permission.value: permission for permission in Permission}
_TRAINING: Final = (Use.AI_GENERATIVE_TRAINING, Use.AI_TRAINING)
_MINING: Final = (Use.DATA_MINING, *_TRAINING)
_MAX_ASSERTIONS: Final = 16
_PLUS: Final[Mapping[str, tuple[tuple[Use, ...], Permission, str]]] = {
    "DMI-ALLOWED": (_MINING, Permission.ALLOWED, ""),
    "DMI-PROHIBITED": (_MINING, Permission.NOT_ALLOWED, ""),
    "DMI-PROHIBITED-AIMLTRAINING": (_TRAINING, Permission.NOT_ALLOWED, ""),
    "DMI-PROHIBITED-GENAIMLTRAINING": (_TRAINING[:1], Permission.NOT_ALLOWED, ""),
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING": (_MINING, Permission.CONSTRAINED, "for search engine indexing only"),
    "DMI-PROHIBITED-SEECONSTRAINT": (_MINING, Permission.CONSTRAINED, "see plus:OtherConstraints"),
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR": (_MINING, Permission.CONSTRAINED, "see Iptc4xmpExt:EmbdEncRightsExpr"),
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR": (_MINING, Permission.CONSTRAINED, "see Iptc4xmpExt:LinkedEncRightsExpr"),
}


def manifest_wishes(manifest: Mapping[str, Any]) -> tuple[UsageWish, ...]:
    """Wishes in the training and data mining assertions of one manifest, in order; each said once.

    Args:
        manifest: One of `manifests` in the JSON the SDK gives of a store.
    """
    found: list[UsageWish] = []
    assertions = manifest.get("assertions")
    mining = [a for a in assertions if _is_mining(a)] if isinstance(assertions, list) else []
    for assertion in mining[:_MAX_ASSERTIONS]:
        data = assertion.get("data")
        entries = data.get("entries") if isinstance(data, dict) else None
        for key, entry in entries.items() if isinstance(entries, dict) else ():
            wish = _entry(str(key), entry)
            if wish is not None:
                found.append(wish)
    return tuple(dict.fromkeys(found))


def plus_wishes(value: str, other_constraints: str = "") -> tuple[UsageWish, ...]:
    """Wishes of a `plus:DataMining` value, a URI of the vocabulary or its last segment; none for unspecified and unknown ones.

    Args:
        value: Such as "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING".
        other_constraints: Text of `plus:OtherConstraints` beside it.

    >>> [wish.use.name for wish in plus_wishes("DMI-PROHIBITED-GENAIMLTRAINING")]
    ['AI_GENERATIVE_TRAINING']
    """
    meaning = _PLUS.get(value.strip().rsplit("/", 1)[-1].upper())
    if meaning is None:
        return ()
    uses, permission, constraint = meaning
    terms = quoted(other_constraints) if constraint.endswith("OtherConstraints") and other_constraints else constraint
    return tuple(UsageWish(use, permission, terms) for use in uses)


def tdm_wishes(reservation: str, policy: str = "") -> tuple[UsageWish, ...]:
    """The wish of a TDM reservation: 1 reserves, 0 does not, anything else is unset.

    Args:
        reservation: As in `tdm-reservation`.
        policy: URL of a policy, as in `tdm-policy`: with one, a licence may be had.
    """
    match reservation.strip():
        case "0":
            return (UsageWish(Use.DATA_MINING, Permission.ALLOWED),)
        case "1" if policy.strip():
            return (UsageWish(Use.DATA_MINING, Permission.CONSTRAINED, quoted(policy.strip())),)
        case "1":
            return (UsageWish(Use.DATA_MINING, Permission.NOT_ALLOWED),)
    return ()


def _is_mining(assertion: object) -> bool:
    return isinstance(assertion, dict) and _ASSERTION.fullmatch(str(assertion.get("label"))) is not None


def _entry(key: str, entry: object) -> UsageWish | None:
    namespace, _, name = key.partition(".")
    if namespace not in ("cawg", "c2pa") or name not in _USES or not isinstance(entry, dict):
        return None
    permission = _PERMISSIONS.get(str(entry.get("use")))
    if permission is None:
        return None
    terms = next((entry[key] for key in _CONSTRAINTS if entry.get(key)), "")
    return UsageWish(_USES[name], permission, quoted(terms) if permission is Permission.CONSTRAINED else "")
