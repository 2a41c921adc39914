"""API keys: made, stored hashed, shown once, checked, revoked; and what a request with or without one is told."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api import problems
from api.auth import (
    Principal,
    Scope,
    authenticate,
    create_key,
    ensure_local_key,
    list_keys,
    require,
    revoke_key,
)
from api.database import Database, open_database
from api.settings import Settings
from provenance.errors import UsageInvalid


@pytest.fixture
def database(tmp_path: Path):
    opened = open_database(None, home=tmp_path)
    yield opened
    opened.close()


@dataclass(frozen=True)
class Service:
    """As much of a service as `identify` looks at."""

    settings: Settings
    database: Database


def client(database: Database, *, host: str = "127.0.0.1") -> TestClient:
    app = FastAPI()
    problems.install(app)
    app.state.service = Service(Settings(host=host, home=Path("unused")), database)

    def route(scope: Scope) -> None:
        required = Depends(require(scope))

        @app.get(f"/{scope.value}")
        def answer(principal: Principal = required) -> dict[str, str | None]:
            return {"name": principal.name, "key": principal.key_id}

    for scope in Scope:
        route(scope)
    return TestClient(app)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_key_opens_what_it_is_for(database: Database) -> None:
    key = create_key(database, "a platform", [Scope.STAMP])
    principal = authenticate(database, key.text)
    assert principal == Principal(key.key_id, "a platform", frozenset({Scope.STAMP}))
    assert principal.may(Scope.STAMP)
    assert not principal.may(Scope.GENERATE)


def test_an_administrator_may_everything(database: Database) -> None:
    principal = authenticate(database, create_key(database, "root", [Scope.ADMIN]).text)
    assert principal is not None
    assert all(principal.may(scope) for scope in Scope)


def test_the_text_of_a_key_is_stored_nowhere(database: Database, tmp_path: Path) -> None:
    key = create_key(database, "a platform", [Scope.CHECK])
    database.close()
    secret = key.text.removeprefix("assay_").encode()
    assert all(secret not in path.read_bytes() for path in tmp_path.iterdir())
    with sqlite3.connect(tmp_path / "assay.db") as direct:
        (digest,) = direct.execute("SELECT sha256 FROM api_keys").fetchone()
    direct.close()
    assert len(digest) == 64


def test_the_text_of_a_key_is_not_in_its_repr(database: Database) -> None:
    key = create_key(database, "a platform", [Scope.CHECK])
    assert key.text not in repr(key)


def test_keys_are_long_and_never_the_same(database: Database) -> None:
    texts = {create_key(database, "x", [Scope.CHECK]).text for _ in range(20)}
    assert len(texts) == 20
    assert all(len(text) == len("assay_") + 43 for text in texts)


def test_a_revoked_key_opens_nothing(database: Database) -> None:
    key = create_key(database, "x", [Scope.CHECK])
    assert revoke_key(database, key.key_id)
    assert authenticate(database, key.text) is None
    assert not revoke_key(database, key.key_id), "revoking twice revokes nothing"
    assert not revoke_key(database, "0" * 12)


def test_revoking_one_key_leaves_the_others(database: Database) -> None:
    first, second = (create_key(database, name, [Scope.CHECK]) for name in "ab")
    revoke_key(database, first.key_id)
    assert authenticate(database, second.text) is not None


def test_list_shows_everything_but_the_key(database: Database) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    key = create_key(database, "x", [Scope.CHECK, Scope.STAMP], at=at)
    revoke_key(database, key.key_id, at=at)
    (info,) = list_keys(database)
    assert (info.key_id, info.name, info.created_at, info.revoked_at) == (key.key_id, "x", at, at)
    assert info.scopes == {Scope.CHECK, Scope.STAMP}


def test_the_first_start_makes_one_key_with_all_scopes(database: Database) -> None:
    text = ensure_local_key(database)
    assert text is not None
    principal = authenticate(database, text)
    assert principal == Principal(list_keys(database)[0].key_id, "local", frozenset(Scope))
    assert ensure_local_key(database) is None


def test_a_revoked_first_key_is_not_made_again(database: Database) -> None:
    ensure_local_key(database)
    revoke_key(database, list_keys(database)[0].key_id)
    assert ensure_local_key(database) is None


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\x1b[2J"])
def test_a_name_that_is_none_is_refused(database: Database, name: str) -> None:
    with pytest.raises(UsageInvalid):
        create_key(database, name, [Scope.CHECK])


def test_a_key_without_scopes_is_refused(database: Database) -> None:
    with pytest.raises(UsageInvalid):
        create_key(database, "x", [])


def test_a_key_that_differs_in_its_last_letter_is_unknown(database: Database) -> None:
    text = create_key(database, "x", [Scope.CHECK]).text
    other = text[:-1] + ("A" if text[-1] != "A" else "B")
    assert authenticate(database, other) is None


@given(st.text(max_size=60))
def test_any_other_text_is_unknown(text: str) -> None:
    class Untouched:
        def read(self) -> None:
            raise AssertionError("a malformed key must not reach the database")

    assert authenticate(Untouched(), text) is None  # type: ignore[arg-type]


def test_checking_is_open_on_loopback(database: Database) -> None:
    answer = client(database).get("/check")
    assert (answer.status_code, answer.json()) == (200, {"name": "anonymous", "key": None})


@pytest.mark.parametrize("scope", ["stamp", "generate", "admin"])
def test_nothing_else_is_open_on_loopback(database: Database, scope: str) -> None:
    answer = client(database).get(f"/{scope}")
    assert answer.status_code == 401
    assert answer.json()["code"] == "access.unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_checking_is_closed_elsewhere(database: Database) -> None:
    assert client(database, host="0.0.0.0").get("/check").status_code == 401


def test_a_key_with_the_scope_passes(database: Database) -> None:
    key = create_key(database, "x", [Scope.STAMP])
    answer = client(database).get("/stamp", headers=bearer(key.text))
    assert (answer.status_code, answer.json()) == (200, {"name": "x", "key": key.key_id})


def test_a_key_without_the_scope_is_forbidden(database: Database) -> None:
    answer = client(database).get("/generate", headers=bearer(create_key(database, "x", [Scope.STAMP]).text))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.forbidden")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer assay_" + "x" * 43, "assay_" + "x" * 43, "Bearer  \u00e9"],
)
def test_a_wrong_key_is_told_even_where_none_is_needed(database: Database, header: str) -> None:
    answer = client(database).get("/check", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "access.unauthenticated")


def test_the_scheme_may_be_in_any_case(database: Database) -> None:
    key = create_key(database, "x", [Scope.STAMP])
    assert client(database).get("/stamp", headers={"Authorization": f"bearer {key.text}"}).status_code == 200


def test_a_revoked_key_is_unauthenticated(database: Database) -> None:
    key = create_key(database, "x", [Scope.STAMP])
    revoke_key(database, key.key_id)
    assert client(database).get("/stamp", headers=bearer(key.text)).status_code == 401
