"""Settings of the service and the command line: the one place where the environment is read.

Every field is an environment variable with the prefix `ASSAY_`, such as `ASSAY_MAX_ASSET_BYTES`. Tuples are written as JSON.
"""

from __future__ import annotations

import ipaddress
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from provenance.asset import MAX_ASSET_BYTES
from provenance.evidence import Permission, Role
from provenance.pixels import MAX_ASSET_PIXELS
from provenance.prompt_policy import PromptPolicy
from provenance.sealing.timestamps import TimestampPolicy

ExpandedPath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StatusPolicy(StrEnum):
    """Whether signatures carry what the issuer says of the certificate."""

    OMIT = "omit"
    STAPLE = "staple"
    """If an answer is to be had."""
    REQUIRE = "require"
    """Nothing is signed without one."""


class Settings(BaseSettings):
    """What can be chosen, with units in the names; frozen."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", frozen=True, extra="ignore", protected_namespaces=())

    home: ExpandedPath = Path("~/.assay")
    """Keys, database, objects."""
    host: str = "127.0.0.1"
    """Address the service binds to."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """TCP port; 0 lets the system choose."""

    database_url: str | None = None
    """SQLAlchemy URL, such as "postgresql+psycopg://assay@db/assay"; none: SQLite in `home`."""
    broker_url: str = "memory://"
    """Where bells ring. The default reaches workers of this process only."""
    embedded_worker: bool = True
    """Whether the serving process works on jobs itself."""
    worker_threads: Annotated[int, Field(ge=1, le=64)] = 2
    """Jobs worked on at a time, by the embedded worker and by each `assay worker`."""
    quick_answer_s: Annotated[float, Field(ge=0, le=30)] = 5.0
    """How long a request waits for its own job before it answers 202."""
    lease_s: Seconds = 30.0
    """A job whose worker has not renewed its lease for this long is given to another."""
    sweep_interval_s: Seconds = 5.0
    """How often jobs are looked for whose bell was lost, and results whose time is over."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """A job begun this often without an end has failed: it may be what kills the workers."""
    result_retention_s: Seconds = 3600.0
    """How long a stamped image waits to be fetched; a fetched one is deleted by the next sweep."""
    max_pending_jobs: Annotated[int, Field(ge=1)] = 1000
    """With this many unfinished jobs, new ones are refused with 503."""

    max_asset_bytes: Annotated[int, Field(ge=1)] = MAX_ASSET_BYTES
    max_asset_pixels: Annotated[int, Field(ge=1)] = MAX_ASSET_PIXELS
    isolation: Literal["required", "preferred"] = "required" if sys.platform == "linux" else "preferred"
    """Whether parsers that this system cannot confine are refused (nothing starts then), or used with a warning."""
    parser_processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Processes that parse untrusted bytes, at a time; each may take `parser_memory_bytes`."""
    parser_memory_bytes: Annotated[int, Field(ge=2**26)] = 2**30
    """What one asset may take while it is parsed. A picture of 50 megapixels takes up to 750 MB for a moment."""
    parser_cpu_s: Seconds = 30.0
    """Processor time one asset may take."""
    parser_wall_s: Seconds = 60.0
    """Time one asset may take."""
    parser_requests: Annotated[int, Field(ge=1)] = 1000
    """A parser is replaced after as many assets."""

    upload_timeout_s: Seconds = 60.0
    """A request body that has not arrived after this long is given up."""
    max_concurrent_uploads: Annotated[int, Field(ge=1)] = 4
    """Request bodies taken in at a time; each may hold `max_asset_bytes` in memory until it is on disk."""
    upload_turn_timeout_s: Seconds = 10.0
    """A request whose body has not had its turn after this long is refused with 503."""
    max_connections: Annotated[int, Field(ge=1)] = 500
    """Beyond, the server answers 503 by itself. A connection that waits its turn holds 64 KiB."""
    keep_alive_s: Annotated[int, Field(ge=1)] = 5
    """A connection without a request is closed after this long."""

    url_checks_enabled: bool = False
    """Whether checks by URL are taken at all."""
    remote_manifests_enabled: bool = False
    """Whether manifests that assets only point to are fetched, from public addresses only: the asset chooses whom we visit."""
    tdm_reservations_enabled: bool = True
    """Whether a check by URL also asks the server what it reserves of text and data mining (`/.well-known/tdmrep.json`)."""
    fetch_timeout_s: Seconds = 10.0
    fetch_max_redirects: Annotated[int, Field(ge=0, le=10)] = 3
    open_checks: bool | None = None
    """Whether checking needs no key; none: only while bound to a loopback address."""

    signer_uri: str | None = None
    """None: stamping answers 503. A service must not sign with a demonstration key by accident."""
    signer_timeout_s: Seconds = 5.0
    """How long each connection to a signer behind a network, and each wait for its answer, may take."""
    credential_check_interval_s: Seconds = 30.0
    """How often a new credential is looked for where `signer_uri` points."""
    credential_alarm_days: Annotated[int, Field(ge=0)] = 14
    """A credential that ends sooner is an alarm, in the log once a day and in readiness."""
    trust_files: tuple[ExpandedPath, ...] = ()
    """More PEM files of trust anchors for signers."""
    shipped_trust_lists: bool = True
    """Whether the published trust lists that come with Assay count where no newer ones are installed."""
    trust_max_age_days: Annotated[int, Field(ge=1)] = 180
    """A published trust list that was last taken from its publisher longer ago is warned of."""
    trust_stale_days: Annotated[int, Field(ge=1)] | None = None
    """An even older one is refused: nothing starts, and a running service is not ready. None: never."""
    examiners: tuple[str, ...] | None = None
    """Names of the examiners to run, such as ["c2pa", "marks"]; none: all."""
    provider: str = "unnamed provider"
    """Who runs this generator, as declared in stamped images."""
    prompt_policy: PromptPolicy = PromptPolicy.PLAIN
    """What becomes of prompts in what is generated or stamped here: "plain", "keyed" (a commitment only) or "omitted"."""
    prompt_key_file: ExpandedPath | None = None
    """Secret key of the commitments, for `prompt_policy` "keyed": all bytes of the file, at least 32."""
    training_mining: Permission | None = None
    """What is declared of training on images stamped here and of mining them: "allowed", "notAllowed" or "constrained"."""
    training_mining_terms: str = ""
    """Terms in words or as a URL, for "constrained"."""

    timestamp_url: str | None = None
    """Time-stamping authority (RFC 3161) of every signature; none: a stamp dies with the certificate that signed it."""
    timestamp_policy: TimestampPolicy = TimestampPolicy.QUEUE
    """When it does not answer: "require" fails the job, "queue" tries again later, "omit" signs without and says so."""
    timestamp_timeout_s: Seconds = 5.0
    """How long that authority, and whoever knows of our certificate, may take to answer."""
    signer_patience_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3600.0
    """How long a job waits in the queue for a signer or an authority that is away, before it fails."""
    certificate_status: StatusPolicy = StatusPolicy.OMIT
    """Whether signatures carry what the issuer says of the certificate (OCSP): "omit", "staple" if it answers, "require"."""
    certificate_status_url: str | None = None
    """Whom to ask for that; none: whom the certificate names."""
    identity_signer_uri: str | None = None
    """Who else vouches for stamps, in an identity assertion (CAWG), named as in `signer_uri`; none: nobody."""
    identity_roles: tuple[Role, ...] = (Role.PUBLISHER,)
    """What that actor has to do with the images."""

    model_dir: ExpandedPath | None = None
    """A diffusers model directory; none: generating answers 503."""
    generate_device: Literal["auto", "cuda", "cpu"] = "auto"

    @property
    def bound_to_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def checks_are_open(self) -> bool:
        """Whether checking needs no key."""
        return self.bound_to_loopback if self.open_checks is None else self.open_checks
