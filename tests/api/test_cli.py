"""The command line on good input: what each command prints, writes and ends with."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from cryptography import x509
from PIL import Image
from typer.testing import CliRunner, Result

import api.commands.score
from api.cli import app
from api.commands.outcome import exit_code_of, printable, worst
from api.composition import UnavailableExaminer
from api.fetching import Fetched, Fetcher, FetchLimits
from api.report_document import report_schema
from api.report_signature import verify_report
from provenance.asset import Asset
from provenance.errors import AssayError, NotTrusted
from provenance.evidence import Outcome, StatusEvidence
from provenance.pixels import decode
from provenance.verdict import ExitCode
from tests.api.reports import (
    ABSENT,
    ABSTAINED,
    BOUND,
    DETECTOR,
    SYNTHETIC,
    TRUSTED,
    VALIDATED,
    FixedExaminer,
    declares,
    measures,
)
from tests.assets.chains import NOW, chain
from tests.assets.pictures import encoded

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--examiners", "c2pa,marks")
"""Without the detector: these tests are about the command."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own for every test."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded("image/png").data)
    return path


@pytest.fixture
def stamped(picture: Path) -> Path:
    """A stamped picture; the development credential is made on the way."""
    assay("keys", "init")
    target = picture.with_name("stamped.png")
    assert assay("stamp", picture, target, "--model", "a model", "--prompt", "a hill").exit_code == 0
    return target


def assay(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, object]]:
    """Everything on stdout, as JSON: nothing else may be there."""
    return [json.loads(line) for line in result.stdout.splitlines()]


# --- keys, stamp


def test_init_makes_a_development_credential_once(home: Path) -> None:
    first = assay("keys", "init", "--json")
    assert first.exit_code == 0
    (row,) = lines(first)
    assert (row["signer"], row["development"], row["expired"]) == ("development:", True, False)
    key = home / "keys" / "development" / "key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert assay("keys", "init").exit_code == 3
    assert key.read_bytes() == before


def test_list_names_the_credentials(home: Path) -> None:
    assert assay("keys", "list").exit_code == 0
    assert lines(assay("keys", "list", "--json")) == []
    assay("keys", "init")
    (row,) = lines(assay("keys", "list", "--json"))
    assert row["signer"] == "development:"
    assert "development:" in assay("keys", "list").stdout


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/tiff", "image/avif", "image/heic"])
def test_stamp_keeps_the_pixels_and_declares_them_synthetic(tmp_path: Path, media_type: str) -> None:
    assay("keys", "init")
    suffix = media_type.split("/")[1]
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    source.write_bytes(encoded(media_type).data)
    result = assay("stamp", source, target, "--model", "a model", "--seed", "7", "--json")
    assert result.exit_code == 0, result.output
    (row,) = lines(result)
    asset = Asset.from_bytes(target.read_bytes())
    assert row == {
        "path": str(target),
        "sha256": asset.sha256,
        "media_type": media_type,
        "bytes": len(asset.data),
        "tier": "development",
    }
    assert (decode(asset) == decode(encoded(media_type))).all()
    (report,) = lines(assay("check", "--json", target, *QUICK))
    assert report["verdict"]["conclusion"] == "declared_synthetic"
    assert report["verdict"]["extent"] == "full"
    assert report["provenance"] == {"state": "trusted", "tier": "development"}


def test_stamp_says_development_to_people(stamped: Path, picture: Path) -> None:
    result = assay("stamp", picture, picture.with_name("again.png"))
    assert "development" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("parent", "extent"), [("picture", "partial"), ("stamped", "full")])
def test_stamp_with_a_parent_is_a_composite_unless_the_parent_is_wholly_generated(
    parent: str, extent: str, stamped: Path, picture: Path
) -> None:
    target = picture.with_name("edited.png")
    assert assay("stamp", picture, target, "--parent", {"picture": picture, "stamped": stamped}[parent]).exit_code == 0
    (report,) = lines(assay("check", "--json", target, *QUICK))
    assert report["verdict"]["extent"] == extent


def test_stamp_with_another_signer(picture: Path, tmp_path: Path) -> None:
    signer = chain()
    folder = tmp_path / "signer"
    folder.mkdir()
    (folder / "key.pem").write_bytes(signer.key_pem)
    (folder / "chain.pem").write_bytes(signer.pem)
    (tmp_path / "root.pem").write_bytes(signer.root_pem)
    target = tmp_path / "stamped.png"
    result = assay("stamp", picture, target, "--signer", f"file:{folder}", "--json")
    assert lines(result)[0]["tier"] is None
    (unknown,) = lines(assay("check", "--json", target, *QUICK))
    assert unknown["provenance"] == {"state": "unknown_signer", "tier": None}
    trusted = assay("check", "--json", target, "--trust", tmp_path / "root.pem", *QUICK)
    assert lines(trusted)[0]["provenance"] == {"state": "trusted", "tier": "current"}


def test_force_replaces_what_is_there(stamped: Path, picture: Path) -> None:
    target = picture.with_name("there.png")
    target.write_bytes(b"before")
    assert assay("stamp", picture, target).exit_code == 3
    assert target.read_bytes() == b"before"
    assert assay("stamp", picture, target, "--force").exit_code == 0
    assert target.read_bytes() != b"before"


def test_nothing_is_left_beside_the_output(stamped: Path) -> None:
    assert {path.name for path in stamped.parent.iterdir()} == {"home", "picture.png", "stamped.png"}


# --- check


def test_check_of_a_stamp_is_a_finding(stamped: Path) -> None:
    result = assay("check", stamped, *QUICK)
    assert result.exit_code == 1
    assert "declared_synthetic" in result.stdout
    assert "development" in result.stdout


def test_check_of_a_bare_picture_is_no_finding(picture: Path) -> None:
    result = assay("check", picture, *QUICK)
    assert result.exit_code == 0
    assert "inconclusive" in result.stdout


def test_check_with_an_examiner_that_cannot_run_ends_with_two(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = UnavailableExaminer("detector", "detector.weights_unreadable: no such file")
    monkeypatch.setattr("api.composition.build_examiners", lambda *_, **__: [absent])
    result = assay("check", "--json", picture)
    assert result.exit_code == 2
    (report,) = lines(result)
    assert report["detection"]["reason"].startswith("examiner.failed: detector.weights_unreadable")


@pytest.mark.parametrize(
    ("evidence", "basis", "provenance"),
    [
        ((ABSENT,), "no finding decides; that is no sign of a photograph", "absent: no manifest is embedded"),
        (
            (ABSENT, ABSTAINED),
            f"no finding decides; {DETECTOR} abstained; that is no sign of a photograph",
            "absent: no manifest is embedded",
        ),
        (
            (StatusEvidence("c2pa", "examiner.unavailable", Outcome.UNAVAILABLE),),
            "no finding decides; c2pa could not run; that is no sign of a photograph",
            "unknown: the manifest could not be looked at",
        ),
        (
            (StatusEvidence("c2pa", "signingCredential.expired", Outcome.FAILURE),),
            "no finding decides; that is no sign of a photograph",
            "invalid: it carries a manifest that does not hold",
        ),
        ((ABSTAINED,), f"no finding decides; {DETECTOR} abstained; that is no sign of a photograph", "not looked at"),
    ],
    ids=["absent", "abstained", "unavailable", "invalid", "not asked"],
)
def test_what_does_not_decide_is_not_nothing_found(
    picture: Path, monkeypatch: pytest.MonkeyPatch, evidence: tuple[StatusEvidence, ...], basis: str, provenance: str
) -> None:
    examiners = [FixedExaminer([e], e.examiner) for e in evidence]
    monkeypatch.setattr("api.composition.build_examiners", lambda *_, **__: examiners)
    lines_shown = [" ".join(line.split()) for line in assay("check", picture).stdout.splitlines()]
    assert f"basis {basis}" in lines_shown
    assert f"provenance {provenance}" in lines_shown


def test_check_of_an_altered_stamp_is_a_finding(stamped: Path) -> None:
    data = bytearray(stamped.read_bytes())
    at = data.rindex(b"IDAT") + 40
    data[at] ^= 1
    stamped.write_bytes(data)
    (report,) = lines(assay("check", "--json", stamped, *QUICK))
    assert (report["verdict"]["conclusion"], report["provenance"]["state"]) == ("altered", "invalid")


def test_check_prints_one_report_per_file_in_order(stamped: Path, picture: Path) -> None:
    result = assay("check", "--json", stamped, picture, "missing.png", *QUICK)
    assert result.exit_code == 3
    first, second, third = lines(result)
    assert [first["path"], second["path"], third["path"]] == [str(stamped), str(picture), "missing.png"]
    assert third == {"path": "missing.png", "error": {"code": "asset.missing", "message": "there is no file missing.png"}}


def test_one_bad_file_does_not_cost_the_others(stamped: Path) -> None:
    result = assay("check", "missing.png", stamped, *QUICK)
    assert result.exit_code == 3
    assert "missing.png: asset.missing" in result.stderr
    assert "declared_synthetic" in result.stdout


def test_many_files_become_one_table(stamped: Path, picture: Path) -> None:
    result = assay("check", stamped, picture, stamped, picture, *QUICK)
    assert result.exit_code == 1
    assert result.stdout.count("declared_synthetic") == 2
    assert result.stdout.count("inconclusive") == 2


def test_what_check_prints_is_what_report_verify_takes(stamped: Path, tmp_path: Path) -> None:
    signed = assay("check", "--json", "--sign-report", stamped, *QUICK)
    file = tmp_path / "report.json"
    file.write_text(signed.stdout)
    result = assay("report", "verify", file, "--json")
    assert result.exit_code == 0
    (row,) = lines(result)
    assert (row["trusted"], row["development"], row["conclusion"]) == (True, True, "declared_synthetic")
    assert "development" in assay("report", "verify", file).stdout


def test_a_url_that_is_allowed_is_fetched_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, FetchLimits]] = []

    def get(fetcher: Fetcher, url: str) -> Fetched:
        asked.append((url, fetcher._limits))
        return Fetched(encoded().data, {"tdm-reservation": "1"}, url)

    monkeypatch.setattr(Fetcher, "get", get)
    url = "https://example.test/x.png"
    (report,) = lines(assay("check", "--json", "--allow-url", url, *QUICK))
    assert (report["path"], report["asset"]["sha256"]) == (url, encoded().sha256)
    assert asked == [(url, FetchLimits(32 * 2**20, total_s=10.0, connect_s=5.0, max_redirects=3))]
    (wish,) = [e for e in report["evidence"] if e["examiner"] == "tdmrep"]
    assert (wish["locator"], wish["wishes"][0]["permission"]) == ("HTTP:tdm-reservation", "notAllowed")


def test_a_wish_in_a_picture_is_shown(tmp_path: Path) -> None:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
        'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/></rdf:RDF></x:xmpmeta>'
    )
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", xmp=xmp.encode())
    result = assay("check", tmp_path / "a.jpg", *QUICK)
    assert result.exit_code == ExitCode.NO_FINDING
    shown = " ".join(result.stdout.split())
    assert "wish ai generative training not allowed, ai training not allowed; says XMP:plus:DataMining" in shown


def test_a_sidecar_is_looked_at(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.c2pa").write_bytes(b"no manifest at all")
    result = assay("check", "--json", picture, "--manifest", tmp_path / "empty.c2pa", "--examiners", "c2pa")
    assert lines(result)[0]["provenance"]["state"] == "invalid" or result.exit_code == 2


def test_reports_of_real_files_are_valid_signed_and_checked(shared: Path, home: Path) -> None:
    """Thirty files of other people's software, and attacks: every line is a report under the schema whose signature holds."""
    assay("keys", "init")
    folder = shared / "c2pa"
    files = sorted([*folder.glob("public-testfiles/*.jpg"), *folder.glob("lab-attacks/*.jpg")])
    result = assay("check", "--json", "--sign-report", *files, "--examiners", "c2pa,marks")
    validator = jsonschema_rs.Draft202012Validator(report_schema())
    anchors = x509.load_pem_x509_certificates((home / "keys" / "development" / "chain.pem").read_bytes())[-1:]
    reports = [line for line in result.stdout.splitlines() if "error" not in json.loads(line)]
    assert len(reports) > 20
    for line in reports:
        validator.validate(json.loads(line))
        assert verify_report(line.encode(), anchors, at=datetime.now(UTC)).trusted


# --- report verify


@pytest.fixture
def signed_report(stamped: Path, tmp_path: Path) -> Path:
    file = tmp_path / "report.json"
    file.write_text(assay("check", "--json", "--sign-report", stamped, *QUICK).stdout)
    return file


def test_a_changed_report_is_an_error(signed_report: Path) -> None:
    signed_report.write_text(signed_report.read_text().replace("declared_synthetic", "inconclusive"))
    result = assay("report", "verify", signed_report, "--json")
    assert result.exit_code == 3
    assert lines(result)[0]["error"]["code"] == "report.invalid"


def test_a_signer_nobody_knows_is_a_finding(signed_report: Path, home: Path, tmp_path: Path) -> None:
    (home / "keys").rename(tmp_path / "elsewhere")
    result = assay("report", "verify", signed_report, "--json")
    assert result.exit_code == 1
    assert lines(result)[0]["code"] == "signingCredential.untrusted"
    anchor = tmp_path / "elsewhere" / "development" / "chain.pem"
    assert assay("report", "verify", signed_report, "--trust", anchor).exit_code == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"a": 1, "a": 2}'])
def test_a_file_that_is_no_report_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    result = assay("report", "verify", tmp_path / "x.json")
    assert result.exit_code == 3
    assert result.stderr.startswith("report.invalid: ")


# --- score


def scored(monkeypatch: pytest.MonkeyPatch, *evidence: object) -> None:
    examiner = FixedExaminer(evidence, name=DETECTOR)  # type: ignore[arg-type]
    monkeypatch.setattr(api.commands.score, "load_examiner", lambda card, engine: examiner)


@pytest.mark.parametrize(("llr", "flagged", "code"), [(4.0, True, 1), (-4.0, False, 0)])
def test_score_prints_exactly_its_eight_members(
    picture: Path, monkeypatch: pytest.MonkeyPatch, llr: float, flagged: bool, code: int
) -> None:
    scored(monkeypatch, measures(llr))
    result = assay("score", "--json", picture)
    assert result.exit_code == code
    assert lines(result) == [
        {
            "path": str(picture),
            "sha256": encoded().sha256,
            "llr": llr,
            "p_synthetic": 0.25,
            "flagged": flagged,
            "abstained": False,
            "reason": None,
            "card": "fixed@1",
        }
    ]


def test_an_abstention_is_no_finding_and_says_why(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(monkeypatch, ABSTAINED)
    result = assay("score", "--json", picture)
    assert result.exit_code == 0
    (row,) = lines(result)
    assert (row["llr"], row["flagged"], row["abstained"]) == (None, None, True)
    assert row["reason"].startswith("too_small")


def test_score_as_a_table(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(monkeypatch, measures(4.0))
    result = assay("score", picture, "missing.png")
    assert result.exit_code == 3
    assert "+4.000" in result.stdout
    assert "missing.png: asset.missing" in result.stderr


# --- trust, tokens


def test_trust_show_lists_what_is_in_force(home: Path, tmp_path: Path) -> None:
    assay("keys", "init")
    (tmp_path / "root.pem").write_bytes(chain().root_pem)
    rows = lines(assay("trust", "show", "--json", "--trust", tmp_path / "root.pem"))
    own = [row for row in rows if row["issued"] is None]
    assert [(row["tier"], row["anchors"]) for row in own] == [("current", 1), ("development", 1)]
    assert {row["name"] for row in rows if row["issued"]} == {"c2pa-trust-list", "c2pa-tsa-trust-list", "interim-trust-list"}
    assert "development" in assay("trust", "show").stdout


def test_tokens_are_made_listed_and_revoked() -> None:
    created = assay("tokens", "create", "a platform", "--scope", "check", "--scope", "stamp", "--json")
    (made,) = lines(created)
    assert made["scopes"] == ["check", "stamp"]
    assert made["key"].startswith("assay_")
    (listed,) = lines(assay("tokens", "list", "--json"))
    assert (listed["id"], listed["revoked_at"]) == (made["id"], None)
    assert made["key"] not in assay("tokens", "list").stdout
    assert assay("tokens", "revoke", made["id"]).exit_code == 0
    assert lines(assay("tokens", "list", "--json"))[0]["revoked_at"]
    assert assay("tokens", "revoke", made["id"]).exit_code == 3


def test_the_key_alone_is_on_stdout() -> None:
    result = assay("tokens", "create", "x", "--scope", "check")
    assert result.stdout.startswith("assay_")
    assert len(result.stdout.split()) == 1


@pytest.mark.parametrize("arguments", [("x", "--scope", "everything"), ("", "--scope", "check"), ("x",)])
def test_a_token_that_cannot_be_made_is_an_error(arguments: tuple[str, ...]) -> None:
    result = assay("tokens", "create", *arguments)
    assert result.exit_code == 3
    assert "usage.invalid" in result.stderr


# --- exit codes and words


def test_the_worst_of_many() -> None:
    none, finding, unavailable, error = ExitCode
    assert worst([]) is none
    assert worst([none, unavailable]) is unavailable
    assert worst([unavailable, finding, none]) is finding
    assert worst([finding, error, unavailable]) is error


def test_every_error_of_the_tree_ends_with_three_except_a_finding() -> None:
    classes = [AssayError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    for cls in classes:
        err = NotTrusted(missing=set(), failures=set()) if cls is NotTrusted else cls("x")
        assert exit_code_of(err) is (ExitCode.FINDING if cls is NotTrusted else ExitCode.ERROR)


def test_a_terminal_is_not_steered_by_what_an_image_says() -> None:
    assert printable("a\x1b[2J\u202eb\n") == "a\ufffd[2J\ufffdb\ufffd"


def test_what_an_image_says_is_neither_markup_nor_a_command_to_the_terminal(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "[bold red]trusted[/] \x1b]0;title\x07 \u202egnp.x"
    said = declares(SYNTHETIC, generator=hostile, signer=hostile)
    monkeypatch.setattr("api.composition.build_examiners", lambda *_, **__: [FixedExaminer((TRUSTED, VALIDATED, BOUND, said))])
    result = assay("check", picture)
    assert result.exit_code == 1
    assert "[bold red]trusted[/]" in result.stdout.replace("\n", "")
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("nonsense",),
        ("check", "--nonsense", "x"),
        ("stamp", "x"),
        ("stamp", "x", "y", "--seed", "z"),
        ("serve", "--port", "99999"),
        ("keys", "init", "--days", "0"),
        ("worker", "--queues", "nonsense"),
        ("check", "x", "--examiners", "nonsense"),
        ("check", "x", "--examiners", ","),
        ("check", "x", "y", "--manifest", "m"),
        ("check", "x", "--sign-report"),
        ("stamp", "x", "y", "--mode", "nonsense"),
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line_is_an_error_like_any_other(arguments: tuple[str, ...]) -> None:
    result = assay(*arguments)
    assert result.exit_code == 3, result.output
    assert result.stderr.startswith("usage.invalid: ")
    assert "Traceback" not in result.output


def test_a_variable_that_does_not_fit_is_named(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_MAX_ASSET_BYTES", "many")
    result = assay("check", picture, *QUICK)
    assert result.exit_code == 3
    assert "max_asset_bytes" in result.stderr


def test_a_failure_before_the_first_file_is_still_one_line_of_json_per_file() -> None:
    result = assay("check", "--json", "a.png", "b.png", "--trust", "missing.pem")
    assert result.exit_code == 3
    assert [(row["path"], row["error"]["code"]) for row in lines(result)] == [
        ("a.png", "trust.unusable"),
        ("b.png", "trust.unusable"),
    ]


def test_a_defect_of_ours_ends_with_three_and_a_traceback(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("api.composition.build_examiners", broken)
    result = assay("check", picture)
    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert "internal: RuntimeError: a defect" in result.stderr
    assert lines(assay("check", "--json", picture))[0]["error"]["code"] == "internal"


def test_version() -> None:
    assert assay("--version").stdout.startswith("assay ")


# --- as a process of its own


def process(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "api.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False, **options)  # type: ignore[call-overload,no-any-return]


def test_help_imports_nothing_heavy() -> None:
    heavy = {
        "numpy",
        "PIL",
        "fastapi",
        "sqlalchemy",
        "pydantic",
        "celery",
        "cryptography",
        "c2pa",
        "onnxruntime",
        "torch",
        "rich",
    }
    code = f"import sys, api.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_as_a_process(stamped: Path, picture: Path) -> None:
    done = process("check", "--json", stamped, picture, *QUICK)
    assert done.returncode == 1
    assert [json.loads(line)["path"] for line in done.stdout.splitlines()] == [str(stamped), str(picture)]
    assert done.stderr == b""


def test_progress_is_shown_on_a_terminal_and_never_on_stdout(stamped: Path, picture: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "api.cli", "check", "--json", stamped, picture, picture, *QUICK]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    ) as running:
        os.close(theirs)
        stdout, _ = running.communicate(timeout=120)
    shown = b""
    with contextlib.suppress(OSError):  # reading on after the other end has gone
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)
    assert running.returncode == 1
    assert len([json.loads(line) for line in stdout.splitlines()]) == 3
    assert b"images" in shown


def test_a_reader_that_leaves_early_sees_no_traceback(stamped: Path) -> None:
    command = f"{sys.executable} -m api.cli check --json {stamped} {stamped} --examiners c2pa | head -c 10"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert b"Traceback" not in done.stderr


def test_a_path_that_is_no_utf8(tmp_path: Path) -> None:
    name = b"caf\xe9.png"
    path = bytes(tmp_path) + b"/" + name
    with open(path, "wb") as file:
        file.write(encoded().data)
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "check", "--json", path, *QUICK],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"].endswith("caf?.png")


def test_an_expired_credential_signs_nothing(picture: Path, tmp_path: Path) -> None:
    signer = chain(start=NOW - timedelta(days=20), end=NOW - timedelta(days=10))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "key.pem").write_bytes(signer.key_pem)
    (tmp_path / "old" / "chain.pem").write_bytes(signer.pem)
    target = tmp_path / "out.png"
    result = assay("stamp", picture, target, "--signer", f"file:{tmp_path / 'old'}")
    assert result.exit_code == 3
    assert result.stderr.startswith("signing.credential_expired")
    assert not target.exists()
