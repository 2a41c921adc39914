"""Trust lists of a running process: taken up when they change, kept when the new ones are spoilt, refused when too old."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.service import open_service
from api.settings import Settings
from api.trust_watch import TrustWatch
from provenance.errors import TrustListStale, TrustStoreError
from provenance.keys import create_development_credential
from provenance.trust.list_kind import ListKind
from provenance.trust.snapshots import Publication, installed_directory, snapshot_of, write_snapshot
from tests.api.serving import Server
from tests.assets.attacks import signed
from tests.assets.chains import chain, sound_chain

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Watched:
    """A watch with a clock of its own, and what it told."""

    def __init__(self, home: Path, **changes: object) -> None:
        self.settings = Settings(home=home, shipped_trust_lists=False, **changes)  # type: ignore[arg-type]
        self.seconds = 0.0
        self.at = NOW
        self.told = 0
        self.watch = TrustWatch(self.settings, self._tell, monotonic=lambda: self.seconds, clock=lambda: self.at)

    def _tell(self) -> None:
        self.told += 1

    def later(self, seconds: float = 5.0) -> str:
        self.seconds += seconds
        return self.watch.state


def put(home: Path, name: str, content: bytes) -> None:
    path = home / "trust" / "signers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def install(home: Path, day: datetime) -> None:
    publication = Publication(day.date(), day.date(), "x", "y")
    anchors = [sound_chain().authorities[-1].certificate]
    write_snapshot(installed_directory(home), snapshot_of(ListKind.SIGNERS, anchors, publication))


def test_nothing_is_told_while_nothing_changes(tmp_path: Path) -> None:
    put(tmp_path, "a.pem", sound_chain().root_pem)
    watched = Watched(tmp_path)
    assert [watched.later() for _ in range(3)] == ["ok"] * 3
    assert watched.told == 0


def test_a_change_behind_a_symbolic_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "a.pem").write_bytes(sound_chain().root_pem)
    (tmp_path / "home" / "trust").mkdir(parents=True)
    (tmp_path / "home" / "trust" / "signers").symlink_to(tmp_path / "mounted")
    watched = Watched(tmp_path / "home")
    watched.later()
    (tmp_path / "mounted" / "a.pem").write_bytes(sound_chain().root_pem + chain().root_pem)
    assert watched.later() == "ok"
    assert watched.told == 1


@pytest.mark.parametrize(
    "what", ["another file", "another content", "a file less", "an installed list", "a development credential"]
)
def test_a_change_is_told_once(what: str, tmp_path: Path) -> None:
    put(tmp_path, "a.pem", sound_chain().root_pem)
    watched = Watched(tmp_path)
    watched.later()
    match what:
        case "another file":
            put(tmp_path, "b.pem", chain().root_pem)
        case "another content":
            put(tmp_path, "a.pem", sound_chain().root_pem + chain().root_pem)
        case "a file less":
            (tmp_path / "trust" / "signers" / "a.pem").unlink()
        case "an installed list":
            install(tmp_path, NOW)
        case "a development credential":
            create_development_credential(tmp_path, now=datetime.now(UTC))
    assert [watched.later() for _ in range(3)] == ["ok"] * 3
    assert watched.told == 1


def test_files_are_looked_at_once_in_an_interval(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.later()
    put(tmp_path, "a.pem", sound_chain().root_pem)
    watched.later(4.9)
    assert watched.told == 0
    watched.later(0.1)
    assert watched.told == 1


def test_spoilt_lists_leave_those_in_force_and_are_an_alarm_until_put_right(tmp_path: Path) -> None:
    put(tmp_path, "a.pem", sound_chain().root_pem)
    watched = Watched(tmp_path)
    watched.later()
    put(tmp_path, "a.pem", b"half a li")
    assert watched.later() == watched.later() == "alarm: new trust lists were refused: trust.unusable"
    assert watched.told == 0
    put(tmp_path, "a.pem", sound_chain().root_pem + chain().root_pem)
    assert (watched.later(), watched.told) == ("ok", 1)


def test_without_usable_lists_at_the_start_there_is_nothing_to_keep(tmp_path: Path) -> None:
    put(tmp_path, "a.pem", b"junk")
    watched = Watched(tmp_path)
    with pytest.raises(TrustStoreError):
        watched.watch.look()
    assert watched.later() == "unavailable: trust.unusable"


def test_a_list_that_gets_too_old_stops_checks_until_it_is_renewed(tmp_path: Path) -> None:
    install(tmp_path, NOW)
    watched = Watched(tmp_path, trust_stale_days=30)
    watched.at = NOW + timedelta(days=30)
    assert watched.later() == "ok"
    watched.at = NOW + timedelta(days=31)
    assert watched.later() == "ok"  # ages are looked at once an hour
    assert watched.later(3600) == "unavailable: trust.stale"
    with pytest.raises(TrustListStale, match="31 days"):
        watched.watch.look()
    install(tmp_path, watched.at)
    assert (watched.later(), watched.told) == ("ok", 1)


def test_a_service_does_not_start_on_a_list_that_is_too_old(tmp_path: Path) -> None:
    install(tmp_path, datetime.now(UTC) - timedelta(days=31))
    service = open_service(Settings(home=tmp_path, shipped_trust_lists=False, trust_stale_days=30, examiners=("c2pa",)))
    try:
        with pytest.raises(TrustListStale):
            service.start()
        assert service.health()["trust"] == "unavailable: trust.stale"
    finally:
        service.stop()


def test_a_running_service_takes_up_a_list(tmp_path: Path) -> None:
    def state(server: Server) -> str:
        answer = server.client.post("/v1/checks", files={"file": ("a.png", signed().data, "image/png")})
        found: str = answer.json()["provenance"]["state"]
        return found

    with Server(tmp_path / "home", shipped_trust_lists=False) as server:
        assert state(server) == "unknown_signer"
        put(tmp_path / "home", "a.pem", sound_chain().root_pem)
        until = time.monotonic() + 30
        while (found := state(server)) != "trusted" and time.monotonic() < until:
            time.sleep(0.5)
        assert found == "trusted"
        assert server.client.get("/readyz").json()["checks"]["trust"] == "ok"
        put(tmp_path / "home", "a.pem", b"half a li")
        while server.client.get("/readyz").json()["checks"]["trust"] == "ok" and time.monotonic() < until:
            time.sleep(0.5)
        answer = server.client.get("/readyz")
        assert answer.json()["checks"]["trust"] == "alarm: new trust lists were refused: trust.unusable"
        assert (answer.status_code, state(server)) == (200, "trusted")
