"""`assay trust update`: a list is installed whole once something vouches for it, and otherwise nothing changes."""

from __future__ import annotations

import hashlib
import http.server
import ipaddress
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner, Result

from api.cli import app
from api.fetching import Fetcher, FetchLimits
from provenance.trust.snapshots import (
    ListKind,
    Publication,
    installed_directory,
    snapshot_of,
    snapshots_in_force,
    write_snapshot,
)
from tests.assets.attacks import signed
from tests.assets.chains import authority, pem_of, sound_chain

QUICK = ("--examiners", "c2pa")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAY_SHIPPED_TRUST_LISTS", "false")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A list with the anchor of the chain that signs test assets."""
    path = tmp_path / "list.pem"
    path.write_bytes(sound_chain().root_pem)
    return path


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def update(path: Path, *arguments: object, issued: str = "2026-10-01") -> Result:
    return assay("trust", "update", path, "--sha256", digest(path), "--issued", issued, *arguments)


def tier_of_a_check(tmp_path: Path) -> object:
    (tmp_path / "signed.png").write_bytes(signed().data)
    return json.loads(assay("check", "--json", "signed.png", *QUICK).stdout)["provenance"].get("tier")


def installed(home: Path) -> date | None:
    lists = snapshots_in_force(home, shipped=False)
    return lists[0].publication.issued if lists else None


def refused(result: Result, code: str, words: str) -> None:
    assert result.exit_code == 3
    assert result.stderr.startswith(f"{code}: "), result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(("purpose", "tier"), [("signers", "current"), ("legacy", "legacy"), ("timestamps", None)])
def test_an_installed_list_is_in_force_for_its_purpose(source: Path, tmp_path: Path, purpose: str, tier: str | None) -> None:
    assert tier_of_a_check(tmp_path) is None
    result = update(source, "--purpose", purpose)
    assert result.exit_code == 0, result.stderr
    assert f"+ {sound_chain().authorities[-1].certificate.subject.rfc4514_string()}" in result.stderr
    assert tier_of_a_check(tmp_path) == tier


def test_json_names_what_came_and_went(source: Path) -> None:
    first = json.loads(update(source, "--json").stdout)
    subject = sound_chain().authorities[-1].certificate.subject.rfc4514_string()
    assert (first["name"], first["kind"], first["certificates"]) == ("c2pa-trust-list", "signers", 1)
    assert (first["added"], first["removed"]) == ([subject], [])
    other = authority("Another")
    source.write_bytes(other.pem)
    second = json.loads(update(source, "--json", issued="2026-10-02").stdout)
    assert (second["added"], second["removed"]) == ([other.certificate.subject.rfc4514_string()], [subject])


def test_show_says_date_age_source_and_what_vouched_for_it(source: Path) -> None:
    update(source)
    (row,) = [json.loads(line) for line in assay("trust", "show", "--json").stdout.splitlines()]
    assert (row["issued"], row["age_days"], row["source"]) == ("2026-10-01", 0, str(source))
    assert row["checked"] == f"sha256:{digest(source)} given by the operator"


def test_taking_the_same_list_again_makes_it_young(source: Path, home: Path) -> None:
    old = Publication(date(2026, 10, 1), date(2026, 10, 1), "x", "y")
    write_snapshot(installed_directory(home), snapshot_of(ListKind.SIGNERS, [sound_chain().authorities[-1].certificate], old))
    assert json.loads(assay("trust", "show", "--json").stdout)["age_days"] > 0
    update(source)
    assert json.loads(assay("trust", "show", "--json").stdout)["age_days"] == 0


# --- what vouches for it


def test_nothing_vouches_for_the_list(source: Path, home: Path) -> None:
    refused(assay("trust", "update", source, "--issued", "2026-10-01"), "usage.invalid", "nothing vouches")
    assert installed(home) is None


def test_the_digest_is_another(source: Path, home: Path) -> None:
    result = assay("trust", "update", source, "--issued", "2026-10-01", "--sha256", "0" * 64)
    refused(result, "trust.update_refused", "nothing was changed")
    assert installed(home) is None


def test_a_signature_vouches_for_a_list_and_for_no_other(source: Path, tmp_path: Path, home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(public)
    (tmp_path / "list.sig").write_bytes(key.sign(source.read_bytes(), ec.ECDSA(hashes.SHA256())))
    command = ("trust", "update", source, "--issued", "2026-10-01", "--signature", "list.sig")
    refused(assay(*command), "usage.invalid", "go together")
    assert assay(*command, "--key", "key.pem").exit_code == 0
    assert installed(home) == date(2026, 10, 1)
    source.write_bytes(authority("Another").pem)
    refused(assay(*command, "--key", "key.pem"), "trust.update_refused", "does not hold")


def test_both_must_hold_where_both_are_given(source: Path, tmp_path: Path, home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(public)
    (tmp_path / "list.sig").write_bytes(b"junk")
    refused(update(source, "--signature", "list.sig", "--key", "key.pem"), "trust.update_refused", "does not hold")
    assert installed(home) is None


# --- what is too odd to believe


def test_an_older_list_needs_force_and_is_then_kept(source: Path, home: Path) -> None:
    update(source)
    refused(update(source, issued="2026-09-01"), "trust.update_refused", "--force")
    assert installed(home) == date(2026, 10, 1)
    assert update(source, "--force", issued="2026-09-01").exit_code == 0
    (entry,) = snapshots_in_force(home, shipped=False)
    assert (entry.publication.issued, entry.publication.pinned) == (date(2026, 9, 1), True)


def test_force_does_not_pin_a_list_that_needed_none(source: Path, home: Path) -> None:
    update(source, "--force")
    (entry,) = snapshots_in_force(home, shipped=False)
    assert not entry.publication.pinned


def test_a_list_that_lost_most_of_its_anchors_needs_force(source: Path, home: Path) -> None:
    source.write_bytes(pem_of([authority(f"Root {n}").certificate for n in range(3)]))
    update(source)
    source.write_bytes(sound_chain().root_pem)
    refused(update(source, issued="2026-10-02"), "trust.update_refused", "less than half of the 3")
    assert installed(home) == date(2026, 10, 1)


def test_a_list_that_was_damaged_is_replaced_with_force(source: Path, home: Path) -> None:
    update(source)
    (pem,) = (home / "trust" / "lists").glob("*.pem")
    pem.write_bytes(pem.read_bytes() + b"#")
    refused(update(source, issued="2026-10-02"), "trust.update_refused", "--force")
    assert update(source, "--force", issued="2026-10-02").exit_code == 0
    assert installed(home) == date(2026, 10, 2)


def test_the_shipped_list_counts_as_the_one_before(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_SHIPPED_TRUST_LISTS", "true")
    refused(update(source), "trust.update_refused", "less than half of the 30")
    refused(update(source, issued="2026-08-01"), "trust.update_refused", "2026-08-05")


def test_a_pem_list_needs_a_date(source: Path) -> None:
    refused(assay("trust", "update", source, "--sha256", digest(source)), "usage.invalid", "--issued")


@pytest.mark.parametrize("content", [b"", b"junk", b"{}"])
def test_what_is_no_list_is_not_installed(source: Path, home: Path, content: bytes) -> None:
    source.write_bytes(content)
    refused(update(source), "trust.unusable", "")
    assert installed(home) is None


def test_an_end_entity_certificate_is_no_anchor(source: Path, home: Path) -> None:
    source.write_bytes(pem_of([sound_chain().leaf]))
    refused(update(source), "trust.unusable", "not an authority")
    assert update(source, "--purpose", "legacy").exit_code == 0


def test_errors_are_json_where_that_was_asked_for(source: Path) -> None:
    result = assay("trust", "update", source, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (3, "usage.invalid")


# --- by URL


@pytest.fixture
def server(source: Path) -> Iterator[str]:
    """A real server on the loopback interface."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = source.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/list.pem"
        serving.shutdown()
        thread.join()


def test_a_list_is_installed_from_a_url(source: Path, server: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = Fetcher(
        FetchLimits(2**20), allow_networks=[ipaddress.ip_network("127.0.0.0/8")], ports=[urlsplit(server).port or 0]
    )
    monkeypatch.setattr("api.fetching.fetch", lambda url, **limits: loopback.fetch(url))
    assert assay("trust", "update", server, "--sha256", digest(source), "--issued", "2026-10-01").exit_code == 0
    (entry,) = snapshots_in_force(home, shipped=False)
    assert (entry.publication.issued, entry.publication.source) == (date(2026, 10, 1), server)


def test_a_url_is_fetched_through_the_guard(source: Path, server: str, home: Path) -> None:
    result = assay("trust", "update", server, "--sha256", digest(source), "--issued", "2026-10-01")
    refused(result, "fetch.refused", "")
    assert installed(home) is None


# --- age


def write_old(home: Path, days: int) -> None:
    day = datetime.now(UTC).date() - timedelta(days=days)
    anchors = [sound_chain().authorities[-1].certificate]
    write_snapshot(installed_directory(home), snapshot_of(ListKind.SIGNERS, anchors, Publication(day, day, "x", "y")))


def test_an_old_list_is_warned_of(home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_old(home, 181)
    assert tier_of_a_check(tmp_path) == "current"
    assert "c2pa-trust-list is 181 days old; run `assay trust update`" in caplog.text
    assert "181 days old" in assay("trust", "show").stderr
    caplog.clear()
    write_old(home, 180)
    assert tier_of_a_check(tmp_path) == "current"
    assert "days old" not in caplog.text


def test_a_stale_list_is_refused_where_configured(
    home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TRUST_STALE_DAYS", "365")
    write_old(home, 365)
    assert tier_of_a_check(tmp_path) == "current"
    write_old(home, 366)
    refused(assay("check", "signed.png", *QUICK), "trust.stale", "c2pa-trust-list (366 days)")
    assert assay("trust", "show").exit_code == 0  # to see which it is
    assert update(source).exit_code == 0
    assert tier_of_a_check(tmp_path) == "current"
