"""Read the C2PA manifest of an asset and report what validating it found.

The C2PA SDK checks signature, hashes and trust; this module asks and translates, and adds what the SDK leaves to its caller:
what the signer is worth at the time asked about, on which list, and whether revoked (`signer_standing`); what validating the
ingredients found (`store_statuses`); what the manifests further up declare (`history`); content outside the hard binding, a
second manifest store, a thumbnail of another picture (all in `provenance.validation`). A missing manifest is a finding, not an
error. No network: remote manifests are named, not followed.

Source: C2PA Technical Specification 2.3, "Validation states" and "Standard status codes"; c2pa-python 0.38.
"""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import c2pa

from provenance.asset import Asset
from provenance.errors import ExaminerError
from provenance.evidence import C2PA_EXAMINER, Evidence, Outcome, StatusEvidence
from provenance.keys import CLAIM_SIGNING_USAGES
from provenance.quoting import quoted
from provenance.sealing.identity import identity_declarations
from provenance.status_codes import (
    ADDITIONAL_EXCLUSIONS,
    CONTENT_EXCLUDED,
    MANIFEST_ABSENT,
    MANIFEST_DUPLICATE_STORE,
    MANIFEST_MALFORMED,
    MANIFEST_REMOTE,
    THUMBNAIL_DIFFERS,
)
from provenance.trust.revocation import Revocations
from provenance.trust.store import TrustStore
from provenance.validation.cose import signing_chain, time_stamp_tokens
from provenance.validation.exclusions import content_left_out
from provenance.validation.history import declared
from provenance.validation.identity_standing import IDENTITY_LABEL, IdentityStanding, judge_identities, with_standings
from provenance.validation.issuers import issuer_statuses
from provenance.validation.signer_standing import ClaimSignature, Standing, judge_signer
from provenance.validation.store_count import carries_several_stores
from provenance.validation.store_statuses import active_group, grouped, ingredient_statuses, status, statuses_of
from provenance.validation.thumbnails import MAX_THUMBNAIL_BYTES, SAME_PICTURE, likeness

MAX_REMOTE_URL_CHARACTERS: Final = 2048


class C2paExaminer:
    """Reads and validates manifests against one trust store; safe to share between threads."""

    name = C2PA_EXAMINER

    def __init__(
        self,
        trust: TrustStore,
        *,
        sidecar: bytes | None = None,
        at: datetime | None = None,
        revocations: Revocations | None = None,
    ) -> None:
        """Look with `trust`.

        Args:
            trust: Whom to trust.
            sidecar: Validate this manifest store instead of an embedded one.
            at: The time credentials must be valid at, where no trusted time-stamp says when a manifest was signed; with a time
                zone. None: the time of each examination.
            revocations: The operator's own list.
        """
        self._trust = trust
        self._sidecar = sidecar
        self._at = at
        self._revocations = revocations or Revocations()
        self._lock = threading.Lock()
        self._process: int | None = None
        self._context: Any = None

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """The manifest's statuses, verbatim but for those on its signer, and what it and its history declare.

        Raises:
            ExaminerError: The asset's own structure stopped the SDK, so that nothing is known of a manifest.
        """
        duplicate = _duplicate() if carries_several_stores(asset, self._sidecar) else []
        try:
            reader = self._reader(asset)
            if reader is None:
                return [*duplicate, status(MANIFEST_ABSENT, Outcome.INFORMATIONAL)]
            with reader:
                store = json.loads(reader.json())
                exclusions = _exclusions(store, reader, asset)
                at = self._at or datetime.now(UTC)
                jumbf = _jumbf(store, reader)
                standing, actors = self._standing(store, jumbf, at), self._named_actors(store, jumbf, at)
                thumbnail = _thumbnail(store, reader, asset)
        except c2pa.C2paError as err:
            return list(dict.fromkeys([*duplicate, _refusal(err)]))
        except (KeyError, ValueError, RecursionError) as err:
            why = quoted(f"{type(err).__name__}: {err}")
            return [*duplicate, status(MANIFEST_MALFORMED, Outcome.FAILURE, explanation=why)]
        found: list[Evidence] = [
            *with_standings(standing.statuses, actors),
            *ingredient_statuses(store),
            *exclusions,
            *duplicate,
            *thumbnail,
            *declared(store, signed_at=standing.signed_at),
            *identity_declarations(store, actors),
        ]
        return [*found, *issuer_statuses(found)]

    def read_back(self, asset: Asset) -> Sequence[Evidence]:
        """As `examine`, of what the only signer trusted here made a moment ago.

        What strangers do to files is not looked for: no thumbnail, no second store. That the SDK trusts the signer is enough,
        since one certificate is all there is to trust.

        Raises:
            ExaminerError: The SDK could not read the asset or its manifest.
        """
        try:
            reader = self._reader(asset)
            if reader is None:
                return [status(MANIFEST_ABSENT, Outcome.INFORMATIONAL)]
            with reader:
                store = json.loads(reader.json())
                exclusions = _exclusions(store, reader, asset)
        except (c2pa.C2paError, KeyError, ValueError) as err:
            raise ExaminerError(f"the SDK could not read the manifest: {quoted(err)}") from err
        return [
            *statuses_of(active_group(store)),
            *ingredient_statuses(store),
            *exclusions,
            *declared(store, signed_at=None),
        ]

    def crjson(self, asset: Asset) -> dict[str, Any] | None:
        """The store as the conformance programme's crJSON, parsed; None if there is no manifest.

        The active manifest's results are those of `examine`, with C2PA's own codes only: its signer is judged at the time asked
        about, which the SDK cannot. What we find beside is in `examine`.

        Raises:
            ExaminerError: The SDK could not read the asset or its manifest.
        """
        at = self._at or datetime.now(UTC)
        try:
            reader = self._reader(asset)
            if reader is None:
                return None
            with reader:
                document: dict[str, Any] = json.loads(reader.crjson())
                store = json.loads(reader.json())
                jumbf = _jumbf(store, reader)
                actors = self._named_actors(store, jumbf, at)
                statuses = list(with_standings(self._standing(store, jumbf, at).statuses, actors))
        except (c2pa.C2paError, KeyError, ValueError, RecursionError) as err:
            raise ExaminerError(f"the SDK could not read the manifest: {quoted(err)}") from err
        label = store.get("active_manifest")
        for manifest in document.get("manifests") or []:
            if manifest.get("label") == label:
                theirs = manifest.get("validationResults") or {}
                manifest["validationResults"] = {**theirs, **grouped(statuses), "validationTime": at.isoformat()}
        return document

    def _standing(self, store: Mapping[str, Any], jumbf: bytes, at: datetime) -> Standing:
        found, signature = list(statuses_of(active_group(store))), _claim_signature(store, jumbf)
        return judge_signer(found, signature, self._trust, at=at, revocations=self._revocations)

    def _named_actors(self, store: Mapping[str, Any], jumbf: bytes, at: datetime) -> tuple[IdentityStanding, ...]:
        """Who vouches for manifests beside their signers, as far as that can be told apart from the SDK."""
        manifests = (store.get("manifests") or {}).values()
        held = [assertion for manifest in manifests for assertion in manifest.get("assertions") or []]
        if not any(str(assertion.get("label")).startswith(IDENTITY_LABEL) for assertion in held):
            return ()
        return judge_identities(jumbf, self._trust, at=at)

    def _reader(self, asset: Asset) -> Any:  # noqa: ANN401  # the SDK has no types
        return c2pa.Reader.try_create(asset.media_type, io.BytesIO(asset.data), self._sidecar, context=self._sdk_context())

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
            **({"allowed_list": entry.allowed_digests} if entry.allowed_pem else {}),
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


def _exclusions(store: Mapping[str, Any], reader: Any, asset: Asset) -> list[StatusEvidence]:  # noqa: ANN401  # no types
    """A failure if the hard binding leaves out content; empty otherwise.

    The SDK only says that more than the manifest was left out, which sound TIFF, AVIF and HEIC files do too.
    """
    codes = [found for found in statuses_of(active_group(store)) if found.code in ADDITIONAL_EXCLUSIONS]
    manifests = json.loads(reader.detailed_json()).get("manifests") or {} if codes else {}
    for found in codes:
        # The binding may be another manifest's: an update manifest has none of its own.
        *_, label, _, name = ["", "", *found.locator.split("/")]
        binding = ((manifests.get(label) or {}).get("assertion_store") or {}).get(name)
        left_out = content_left_out(binding, asset.media_type, asset.data)
        if left_out:
            return [status(CONTENT_EXCLUDED, Outcome.FAILURE, found.locator, quoted(f"the hash leaves out {left_out}"))]
    return []


def _jumbf(store: Mapping[str, Any], reader: Any) -> bytes:  # noqa: ANN401  # no types
    """The whole manifest store; empty if the SDK does not give it."""
    jumbf = io.BytesIO()
    try:
        reader.resource_to_stream(_signature_uri(store), jumbf)  # whose part is asked for makes no difference
    except c2pa.C2paError:
        return b""
    return jumbf.getvalue()


def _signature_uri(store: Mapping[str, Any]) -> str:
    return f"self#jumbf=/c2pa/{store.get('active_manifest')}/c2pa.signature"


def _claim_signature(store: Mapping[str, Any], jumbf: bytes) -> ClaimSignature:
    """The active manifest's signature; without a chain when it cannot be told which certificates signed."""
    label = str(store.get("active_manifest"))
    uri = _signature_uri(store)
    info = ((store.get("manifests") or {}).get(label) or {}).get("signature_info") or {}
    try:
        chain = signing_chain(jumbf, label)
    except ValueError:
        chain = ()
    if not chain or str(chain[0].serial_number) != info.get("cert_serial_number"):
        return ClaimSignature(quoted(uri))
    tokens: tuple[bytes, ...] = ()
    stamped_at = _time(info.get("time"))
    if stamped_at is not None:
        with suppress(ValueError):  # then the time is nobody's
            tokens = time_stamp_tokens(jumbf, label)
    return ClaimSignature(quoted(uri), chain, tokens, stamped_at)


def _thumbnail(store: Mapping[str, Any], reader: Any, asset: Asset) -> list[StatusEvidence]:  # noqa: ANN401  # no types
    """That the active manifest's thumbnail shows another picture; empty if it has none, or the same, or nobody can tell."""
    manifest = (store.get("manifests") or {}).get(str(store.get("active_manifest"))) or {}
    identifier = (manifest.get("thumbnail") or {}).get("identifier")
    if not identifier or not asset.has_pixels:
        return []
    image = io.BytesIO()
    try:
        reader.resource_to_stream(str(identifier), image)
    except c2pa.C2paError:
        return []
    if image.tell() > MAX_THUMBNAIL_BYTES:
        return []
    alike = likeness(asset, image.getvalue())
    if alike is None or alike >= SAME_PICTURE:
        return []
    why = f"its luminance correlates at {alike:.2f} with the picture's; the same picture's does at {SAME_PICTURE} or more"
    return [status(THUMBNAIL_DIFFERS, Outcome.INFORMATIONAL, quoted(identifier), why)]


def _duplicate() -> list[StatusEvidence]:
    return [status(MANIFEST_DUPLICATE_STORE, Outcome.FAILURE, explanation="there is more than one manifest store")]


def _refusal(err: Exception) -> StatusEvidence:
    message = str(err)
    if message.startswith("Remote:"):
        url = quoted(message.partition(" url ")[2], MAX_REMOTE_URL_CHARACTERS)
        why = "a manifest is said to be elsewhere; it was not fetched"
        return status(MANIFEST_REMOTE, Outcome.INFORMATIONAL, url, why)
    if "more than one manifest store" in message:
        return _duplicate()[0]
    if "could not be parsed" in message or message.startswith(("Io:", "NotSupported:")):
        raise ExaminerError(f"the SDK could not read the asset: {quoted(message)}") from err
    return status(MANIFEST_MALFORMED, Outcome.FAILURE, explanation=quoted(message))


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
