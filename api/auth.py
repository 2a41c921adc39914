"""API keys: who may check, stamp, generate and administer.

A key is `assay_` and 256 random bits. Only its SHA-256 is stored: a slow hash exists to slow down guessing, and nobody guesses
256 random bits, while a slow hash on every request would be a way to stop the service. The stored digest is compared in
constant time all the same. A key is shown once, when it is made.

Source: RFC 6750, Bearer tokens; OWASP, Password Storage (why slow hashes are for passwords).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from fastapi import Request
from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, mapped_column

from api.database import Base, Database, UtcDateTime
from provenance.errors import AccessForbidden, AccessUnauthenticated, UsageInvalid

KEY_PREFIX: Final = "assay_"
LOCAL_KEY_NAME: Final = "local"
MAX_NAME_CHARACTERS: Final = 100

_KEY: Final = re.compile(r"assay_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """What a key may do."""

    CHECK = "check"
    STAMP = "stamp"
    GENERATE = "generate"
    ADMIN = "admin"
    """Everything."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    key_id: str | None
    """None: nobody in particular."""
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether this scope is among what was granted; an administrator may everything."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the only moment at which its text exists."""

    key_id: str
    text: str
    name: str
    scopes: frozenset[Scope]

    def __repr__(self) -> str:
        """Without the text: a key must not get into a log by being printed."""
        return f"NewKey(key_id={self.key_id!r}, name={self.name!r}, scopes={sorted(self.scopes)})"


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None


class ApiKeyRow(Base):
    """A key, without its text. Revoked keys stay, so that their id keeps meaning something."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    """First 12 hexadecimal digits of the digest: enough to name a key, useless to guess it."""
    sha256: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    scopes: Mapped[str]
    """Separated by spaces, sorted."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


def create_key(database: Database, name: str, scopes: Iterable[Scope], *, at: datetime | None = None) -> NewKey:
    """Make a key and store its digest.

    Raises:
        UsageInvalid: No scope, no name, or a name that is too long.
        StorageError: It could not be stored.
    """
    new = _new_key(name, scopes)
    with database.begin() as session:
        session.add(_row(new, at or datetime.now(UTC)))
    return new


def ensure_local_key(database: Database) -> str | None:
    """Make the first key, with all scopes, if there has never been one; its text, or None.

    Raises:
        StorageError: It could not be stored.
    """
    new = _new_key(LOCAL_KEY_NAME, Scope)
    with database.begin() as session:  # for writing from the start: two processes starting at once make one key
        if session.scalar(select(ApiKeyRow.id).limit(1)) is not None:
            return None
        session.add(_row(new, datetime.now(UTC)))
    return new.text


def list_keys(database: Database) -> Sequence[KeyInfo]:
    """All keys, oldest first, revoked ones included."""
    with database.read() as session:
        rows = session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.id)).all()
        return [KeyInfo(row.id, row.name, _scopes(row), row.created_at, row.revoked_at) for row in rows]


def revoke_key(database: Database, key_id: str, *, at: datetime | None = None) -> bool:
    """Revoke a key from now on; whether there was one in force."""
    with database.begin() as session:
        found = session.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
            .values(revoked_at=at or datetime.now(UTC))
            .returning(ApiKeyRow.id)
        )
        return found.first() is not None


def authenticate(database: Database, text: str) -> Principal | None:
    """Who holds the key `text`; None when it is unknown, malformed or revoked."""
    if not _KEY.fullmatch(text):
        return None
    digest = _digest(text)
    with database.read() as session:
        row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.id == digest[:12]))
    # The row is found by a prefix an attacker could learn from; the rest is compared without telling how much of it fits.
    if row is None or row.revoked_at is not None or not hmac.compare_digest(row.sha256, digest):
        return None
    return Principal(row.id, row.name, _scopes(row))


def identify(request: Request) -> Principal:
    """Who makes this request (a FastAPI dependency).

    Raises:
        AccessUnauthenticated: There is an Authorization header, and it holds no key in force.
    """
    header = request.headers.get("authorization")
    service = request.app.state.service
    if header is None:
        return Principal(None, "anonymous", frozenset({Scope.CHECK} if service.settings.checks_are_open else ()))
    scheme, _, text = header.partition(" ")
    principal = authenticate(service.database, text.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        # A wrong key is an error even where none is needed: its owner believes it works.
        raise AccessUnauthenticated("the API key is unknown or revoked; send it as `Authorization: Bearer assay_...`")
    return principal


def require(scope: Scope) -> Callable[[Request], Principal]:
    """A FastAPI dependency that lets only those pass who may `scope`.

    The dependency raises AccessUnauthenticated without a key and AccessForbidden with one that lacks the scope.
    """

    def requirement(request: Request) -> Principal:
        principal = identify(request)
        if principal.may(scope):
            return principal
        if principal.key_id is None:
            raise AccessUnauthenticated(f"this needs an API key with the scope {scope.value!r}")
        raise AccessForbidden(f"the API key {principal.key_id} lacks the scope {scope.value!r}")

    return requirement


def _new_key(name: str, scopes: Iterable[Scope]) -> NewKey:
    granted = frozenset(scopes)
    if not granted:
        raise UsageInvalid("a key without a scope opens nothing")
    if not name.strip() or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise UsageInvalid(f"a key needs a name of 1 to {MAX_NAME_CHARACTERS} printable characters")
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    return NewKey(_digest(text)[:12], text, name, granted)


def _row(new: NewKey, at: datetime) -> ApiKeyRow:
    scopes = " ".join(sorted(new.scopes))
    return ApiKeyRow(id=new.key_id, sha256=_digest(new.text), name=new.name, scopes=scopes, created_at=at)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _scopes(row: ApiKeyRow) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in row.scopes.split())
