"""Read the C2PA manifest of an asset and report what validating it found.

The C2PA SDK checks signature, hashes and trust; this module asks and translates, and adds what the SDK leaves to its caller:
which list a signer was found on, what its certificate is for, and what validating the ingredients found. A missing manifest is
a finding, not an error. No network: remote manifests are named, not followed.

Source: C2PA Technical Specification 2.3, "Validation states" and "Standard status codes"; c2pa-python 0.38.
"""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import c2pa
from cryptography import x509

from provenance.asset import Asset
from provenance.cose import signing_chain
from provenance.errors import ExaminerError
from provenance.evidence import (
    C2PA_EXAMINER,
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Layer,
    Outcome,
    StatusEvidence,
    Tier,
)
from provenance.exclusions import content_left_out
from provenance.keys import CLAIM_SIGNING_USAGES, may_sign_claims
from provenance.status_codes import (
    ADDITIONAL_EXCLUSIONS,
    CONTENT_EXCLUDED,
    CREDENTIAL_TRUSTED,
    CREDENTIAL_UNTRUSTED,
    HARD_BINDING_MATCHES,
    MANIFEST_ABSENT,
    MANIFEST_MALFORMED,
    MANIFEST_REMOTE,
    MANIFEST_TIER_CURRENT,
    MANIFEST_TIER_DEVELOPMENT,
    MANIFEST_TIER_LEGACY,
    MISMATCHES,
    SIGNER_USAGE_WRONG,
    SIGNER_WRONG_LIST,
    TRUSTED_CODES,
)
from provenance.trust import TrustList, TrustPurpose, TrustStore

_OUTCOMES: Final = (
    ("success", Outcome.SUCCESS),
    ("informational", Outcome.INFORMATIONAL),
    ("failure", Outcome.FAILURE),
)
_TIER_CODES: Final = {
    Tier.CURRENT: MANIFEST_TIER_CURRENT,
    Tier.LEGACY: MANIFEST_TIER_LEGACY,
    Tier.DEVELOPMENT: MANIFEST_TIER_DEVELOPMENT,
}
_TRUST_LIST: Final = re.compile(r"found in \[(.*)\] trust anchors$", re.DOTALL)
"""How the SDK names the list a signer was found on; empty when the certificate itself is on an allowed list."""
_MAX_TEXT_CHARACTERS: Final = 500  # a manifest is written by strangers; a report quotes it, briefly


class C2paExaminer:
    """Reads and validates embedded manifests against one trust store; safe to share between threads."""

    name = C2PA_EXAMINER

    def __init__(self, trust: TrustStore, *, sidecar: bytes | None = None) -> None:
        """Look with `trust`; with a `sidecar`, validate that manifest store instead of an embedded one."""
        self._trust = trust
        self._sidecar = sidecar
        self._lock = threading.Lock()
        self._process: int | None = None
        self._context: Any = None

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """The manifest's statuses, verbatim, and what it declares.

        Raises:
            ExaminerError: The asset's own structure stopped the SDK, so that nothing is known of a manifest.
        """
        try:
            reader = c2pa.Reader.try_create(
                asset.media_type, io.BytesIO(asset.data), self._sidecar, context=self._sdk_context()
            )
            if reader is None:
                return [_status(MANIFEST_ABSENT, Outcome.INFORMATIONAL)]
            with reader:
                store = json.loads(reader.json())
                exclusions = _exclusions(store, reader, asset.media_type)
                chain = _signing_chain(store, reader)
        except c2pa.C2paError as err:
            return [_refusal(err)]
        except (KeyError, ValueError) as err:
            return [_status(MANIFEST_MALFORMED, Outcome.FAILURE, explanation=f"{type(err).__name__}: {err}")]
        return [*self._statuses(store, chain), *exclusions, *_declarations(store)]

    def _statuses(self, store: Mapping[str, Any], chain: Sequence[x509.Certificate]) -> Iterator[StatusEvidence]:
        active = (store.get("validation_results") or {}).get("activeManifest") or {}
        for status in _codes(active):
            if status.code == CREDENTIAL_TRUSTED:
                yield from _trust_statuses(status, self._list_of_signer(active, chain), chain)
            else:
                yield status
        yield from _ingredient_statuses(store)

    def _list_of_signer(self, active: Mapping[str, Any], chain: Sequence[x509.Certificate]) -> TrustList | None:
        """The list the active manifest's own signer is on; None when it is not clear.

        `trustListUri` will not do: with ingredients it names the list of whichever manifest was validated last, so that a
        parent's signer would lend its trust. The status itself names the list, and none for an allowed certificate.
        """
        trusted = (item for item in active.get("success") or [] if item.get("code") == CREDENTIAL_TRUSTED)
        named = [match.group(1) for item in trusted if (match := _TRUST_LIST.search(str(item.get("explanation"))))]
        return self._trust.list_of_signer(named[0], chain) if len(named) == 1 and chain else None

    def _sdk_context(self) -> Any:  # noqa: ANN401  # the SDK has no types
        with self._lock:
            if self._process != os.getpid():
                self._context = c2pa.Context.from_dict(_settings(self._trust))
                self._process = os.getpid()
            return self._context


def _settings(trust: TrustStore) -> dict[str, Any]:
    anchors = [
        {
            "trust_uri": entry.uri,
            "trust_kind": entry.purpose.value,
            "trust_anchors": entry.anchors_pem.decode("ascii", "ignore"),
            **({"allowed_list": entry.allowed_pem.decode("ascii", "ignore")} if entry.allowed_pem else {}),
        }
        for entry in trust.lists
    ]
    return {
        "version": 1,
        "core": {"allowed_network_hosts": []},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        # Without this global list the SDK refuses conformant credentials for their extended key usage.
        "trust": {"trust_config": "\n".join(CLAIM_SIGNING_USAGES) + "\n", "anchors": anchors},
    }


def _exclusions(store: Mapping[str, Any], reader: Any, media_type: str) -> list[StatusEvidence]:  # noqa: ANN401  # no types
    """A failure if the hard binding leaves out content; empty otherwise.

    The SDK only says that more than the manifest was left out, which sound TIFF, AVIF and HEIC files do too.
    """
    active = (store.get("validation_results") or {}).get("activeManifest")
    codes = [status for status in _codes(active) if status.code in ADDITIONAL_EXCLUSIONS]
    manifests = json.loads(reader.detailed_json()).get("manifests") or {} if codes else {}
    for status in codes:
        # The binding may be another manifest's: an update manifest has none of its own.
        *_, label, _, name = ["", "", *status.locator.split("/")]
        binding = ((manifests.get(label) or {}).get("assertion_store") or {}).get(name)
        left_out = content_left_out(binding, media_type)
        if left_out:
            return [_status(CONTENT_EXCLUDED, Outcome.FAILURE, status.locator, f"the hash leaves out {left_out}")]
    return []


def _signing_chain(store: Mapping[str, Any], reader: Any) -> tuple[x509.Certificate, ...]:  # noqa: ANN401  # no types
    """Certificates that signed the active manifest, if the SDK trusts it; empty when it cannot be told which those are."""
    active = (store.get("validation_results") or {}).get("activeManifest")
    if all(status.code != CREDENTIAL_TRUSTED for status in _codes(active)):
        return ()
    label = str(store.get("active_manifest"))
    serial = ((store.get("manifests") or {}).get(label) or {}).get("signature_info", {}).get("cert_serial_number")
    try:
        jumbf = io.BytesIO()
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.signature", jumbf)  # this gives the whole store
        chain = signing_chain(jumbf.getvalue(), label)
    except (c2pa.C2paError, ValueError):
        return ()
    return chain if str(chain[0].serial_number) == serial else ()


def _trust_statuses(
    trusted: StatusEvidence, found: TrustList | None, chain: Sequence[x509.Certificate]
) -> Iterator[StatusEvidence]:
    """The SDK's "trusted", kept only for a certificate that may sign claims, through a list that was given for signers."""
    if not chain or not may_sign_claims(chain[0]):
        why = "may not sign claims" if chain else "cannot be told"
        yield _status(CREDENTIAL_UNTRUSTED, Outcome.FAILURE, trusted.locator, f"the signing certificate {why}")
        yield _status(SIGNER_USAGE_WRONG, Outcome.INFORMATIONAL, trusted.locator)
        return
    if found is not None and found.purpose is TrustPurpose.SIGNERS:
        yield trusted
        yield _status(_TIER_CODES[found.tier], Outcome.INFORMATIONAL, trusted.locator, f"trust list {found.name}")
        return
    where = f"a list for {found.purpose.value}" if found else "no list of ours"
    yield _status(CREDENTIAL_UNTRUSTED, Outcome.FAILURE, trusted.locator, f"the signer's anchor is on {where}")
    yield _status(SIGNER_WRONG_LIST, Outcome.INFORMATIONAL, trusted.locator)


def _ingredient_statuses(store: Mapping[str, Any]) -> Iterator[StatusEvidence]:
    """What validating the ingredients found, now and when they were taken in.

    An altered parent that a trusted signer opened and signed again would pass otherwise. Of their successes only those that
    say nothing of the asset's own signature and binding are kept.
    """
    seen = set()
    deltas = (store.get("validation_results") or {}).get("ingredientDeltas") or []
    ingredients = [i for manifest in (store.get("manifests") or {}).values() for i in manifest.get("ingredients") or []]
    recorded = [(ingredient.get("validation_results") or {}).get("activeManifest") for ingredient in ingredients]
    # Ingredients of claims before version 2 record a plain list, of what went wrong only.
    recorded += [{"failure": ingredient.get("validation_status")} for ingredient in ingredients]
    for group in [*(delta.get("validationDeltas") for delta in deltas), *recorded]:
        for status in _codes(group):
            if status.outcome is Outcome.SUCCESS and status.code in TRUSTED_CODES | HARD_BINDING_MATCHES:
                continue
            if status.outcome is Outcome.FAILURE and status.code not in MISMATCHES:
                status = _status(status.code, Outcome.INFORMATIONAL, status.locator, status.explanation)  # noqa: PLW2901
            if status not in seen:
                seen.add(status)
                yield status


def _codes(group: object) -> Iterator[StatusEvidence]:
    if not isinstance(group, dict):
        return
    for key, outcome in _OUTCOMES:
        for item in group.get(key) or []:
            yield _status(_text(item.get("code")), outcome, _text(item.get("url")), _text(item.get("explanation")))


def _declarations(store: Mapping[str, Any]) -> Iterator[DeclarationEvidence]:
    label = store.get("active_manifest")
    manifest = (store.get("manifests") or {}).get(label)
    if not isinstance(manifest, dict):
        return
    actions = [action for assertion in manifest.get("assertions") or [] for action in _actions_of(assertion)]
    types = list(dict.fromkeys(_text(a["digitalSourceType"]) for a in actions if a.get("digitalSourceType")))
    signature = manifest.get("signature_info") or {}
    names = [_text(signature.get(key)) for key in ("common_name", "issuer") if signature.get(key)]
    declared: list[str | None] = [*types] or [None]
    for source_type in declared:
        yield DeclarationEvidence(
            examiner=C2PA_EXAMINER,
            layer=Layer.METADATA,
            forgeability=Forgeability.SIGNED,
            digital_source_type=source_type,
            generator=_generator(manifest, actions, source_type),
            signer=", ".join(names) or None,
            signed_at=_time(signature.get("time")),
            actions=tuple(_text(action.get("action")) for action in actions),
            locator=_text(label),
        )


def _actions_of(assertion: Mapping[str, Any]) -> list[dict[str, Any]]:
    label, data = str(assertion.get("label", "")), assertion.get("data")
    if not label.startswith("c2pa.actions") or not isinstance(data, dict):
        return []
    return [action for action in data.get("actions") or [] if isinstance(action, dict)]


def _generator(manifest: Mapping[str, Any], actions: list[dict[str, Any]], source_type: str | None) -> str | None:
    """The software agent of the action that declares `source_type`, or whatever made the claim."""
    agents = [a.get("softwareAgent") for a in actions if _text(a.get("digitalSourceType")) == source_type]
    claimed = manifest.get("claim_generator_info") or [manifest.get("claim_generator")]
    for agent in [*agents, *claimed]:
        name = agent.get("name") if isinstance(agent, dict) else agent
        if name:
            return _text(name)
    return None


def _refusal(err: Exception) -> StatusEvidence:
    message = str(err)
    if message.startswith("Remote:"):
        return _status(
            MANIFEST_REMOTE, Outcome.INFORMATIONAL, explanation="a manifest is said to be elsewhere; it was not fetched"
        )
    if "could not be parsed" in message or message.startswith(("Io:", "NotSupported:")):
        raise ExaminerError(f"the SDK could not read the asset: {_text(message)}") from err
    return _status(MANIFEST_MALFORMED, Outcome.FAILURE, explanation=_text(message))


def _status(code: str, outcome: Outcome, locator: str = "", explanation: str = "") -> StatusEvidence:
    return StatusEvidence(C2PA_EXAMINER, code, outcome, locator, explanation)


def _text(value: object) -> str:
    return "" if value is None else str(value)[:_MAX_TEXT_CHARACTERS]


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
