"""Bodies of requests and answers, where pydantic guards the edge. The report's own shape is in `api.report_document`."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, WithJsonSchema

from api.jobs import JobKind, JobRow, JobState
from provenance.derivation import MAX_EDGE, THUMBNAIL, Derivation
from provenance.generation import MAX_TEXT_CHARACTERS, GenerationMode, GenerationRecord
from provenance.metadata.encoding import ENCODABLE_MEDIA_TYPES

if TYPE_CHECKING:
    from provenance.asset import Asset
    from provenance.pipelines.generation import GenerationRequest

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARACTERS)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Scalar = Annotated[
    bool | int | Finite | Text,
    WithJsonSchema({"type": ["boolean", "number", "string"], "maxLength": MAX_TEXT_CHARACTERS}),
]
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _no_truth(value: object) -> object:
    # Python counts `true` as 1; JSON Schema does not.
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


def _rfc_3339(value: object) -> object:
    # Without this a number, or a number in a string, would be taken as seconds since 1970.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("a time is needed, as in RFC 3339")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]
Integer = Annotated[int, BeforeValidator(_no_truth)]
Number = Annotated[float, BeforeValidator(_no_truth)]
Seed = Annotated[Integer, Field(ge=0, lt=2**63)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class UrlCheckRequest(_Body):
    """Check what lies at a URL, when checks by URL are enabled."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class RecordDocument(_Body):
    """How an image, a sound or a film was made, to be declared in its stamp."""

    model: Name
    """Model id, such as "stabilityai/sdxl-turbo"."""
    mode: GenerationMode | None = None
    """What the generator was asked to do; none: what fits the file, made from `parent` if there is one and else from text."""
    model_version: Name | None = None
    model_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    created_at: Time | None = None
    """When the pixels were made; none: now."""
    prompt: Text | None = None
    negative_prompt: Text | None = None
    seed: Seed | None = None
    scheduler: Name | None = None
    parameters: Annotated[dict[Name, Scalar], Field(max_length=64)] = {}

    def to_record(
        self, *, at: datetime, provider: str, media_type: str, parents: tuple[Asset, ...] = (), inputs: tuple[Asset, ...] = ()
    ) -> GenerationRecord:
        """The record, made by `provider`.

        Args:
            at: Now.
            provider: Who runs the generator.
            media_type: Of what is to be stamped.
            parents: What it was made from.
            inputs: What only steered.

        Raises:
            RecordInvalid: It cannot be turned into an honest declaration.
        """
        mode = self.mode or GenerationMode.usual(media_type, has_parents=bool(parents))
        return GenerationRecord(
            model=self.model,
            created_at=self.created_at or at,
            mode=mode,
            provider=provider,
            model_version=self.model_version,
            model_sha256=self.model_sha256,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            seed=self.seed,
            scheduler=self.scheduler,
            parameters=self.parameters,
            parents=parents,
            inputs=inputs,
        )


class StampDocument(_Body):
    """What a stamping job keeps beside its object."""

    record: RecordDocument
    sizes: dict[str, int]
    """Bytes of each upload in the object, by the name of its part, in order."""


class DerivationDocument(_Body):
    """What to make of an image; the aspect ratio is kept, and what is left out stays as it is."""

    width: Annotated[Integer, Field(ge=1, le=MAX_EDGE)] | None = None
    """The derivative is at most this wide, in pixels."""
    height: Annotated[Integer, Field(ge=1, le=MAX_EDGE)] | None = None
    """And at most this high."""
    thumbnail: StrictBool = False
    """At most 256 x 256 pixels, JPEG of quality 85, where nothing else is said."""
    enlarge: StrictBool = False
    """Whether a smaller image is enlarged until it touches the limits."""
    media_type: Annotated[str, Field(json_schema_extra={"enum": [*ENCODABLE_MEDIA_TYPES]})] | None = None
    quality: Annotated[Integer, Field(ge=1, le=100)] | None = None
    """For lossy formats."""

    def to_derivation(self) -> Derivation:
        """What is asked for.

        Raises:
            DerivationInvalid: A value is out of range, or the format is not one that is written.
        """
        said = self.model_dump(exclude={"thumbnail"}, exclude_none=True)
        return replace(THUMBNAIL if self.thumbnail else Derivation(), **said)


class GenerationDocument(_Body):
    """What to generate; what is left out is the pipeline's own choice."""

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
    negative_prompt: Text | None = None
    seed: Seed | None = None
    steps: Annotated[Integer, Field(ge=1, le=500)] | None = None
    guidance_scale: Annotated[Number, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    width: Annotated[Integer, Field(ge=8, le=4096, multiple_of=8)] | None = None
    """In pixels."""
    height: Annotated[Integer, Field(ge=8, le=4096, multiple_of=8)] | None = None
    """In pixels."""

    def to_request(self) -> GenerationRequest:
        """The request to the pipeline.

        Raises:
            GenerationInvalid: What is asked for is out of range.
        """
        from provenance.pipelines.generation import GenerationRequest

        return GenerationRequest(**self.model_dump())


class JobLinks(_Body):
    """Where to go from here; paths of this service."""

    self: str
    events: str
    report: str | None = None
    result: str | None = None


class JobDocument(_Body):
    """How far a job is."""

    id: str
    kind: JobKind
    state: JobState
    created_at: datetime
    ended_at: datetime | None
    problem: dict[str, Any] | None
    """Why it failed, as in RFC 9457."""
    links: JobLinks

    @classmethod
    def from_row(cls, row: JobRow) -> JobDocument:
        """The public side of a row."""
        path = f"/v1/jobs/{row.id}"
        finished = row.state == JobState.FINISHED
        return cls(
            id=row.id,
            kind=JobKind(row.kind),
            state=JobState(row.state),
            created_at=row.created_at,
            ended_at=row.ended_at,
            problem=row.problem,
            links=JobLinks(
                self=path,
                events=f"{path}/events",
                report=f"/v1/reports/{row.id}" if finished and row.kind == JobKind.CHECK else None,
                result=f"{path}/result" if finished and row.kind != JobKind.CHECK else None,
            ),
        )


class CredentialDocument(_Body):
    """The credential that stamps are signed with."""

    subject: str
    algorithm: str
    not_before: datetime
    not_after: datetime
    expired: bool
    development: bool
    """Made by this installation for trying things out: proves nothing to anyone else."""
    certificates: tuple[str, ...]
    """PEM, leaf first."""


class HealthDocument(_Body):
    """Whether the service is up, and what of it works."""

    status: str
    checks: dict[str, str] = {}


class ProblemDescription(_Body):
    """What a problem's `type` stands for."""

    code: str
    status: int
    description: str
