"""The page at `/` in a real browser: the service is played by a script, and what the page then shows is read back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from api.report_document import ReportDocument
from api.routes.page import _BODY, _SCRIPT
from provenance.evidence import Evidence, Outcome, StatusEvidence
from provenance.inspection import inspect
from provenance.verdict import VerdictPolicy
from tests.api.reports import ABSENT, ABSTAINED, AT, FixedExaminer
from tests.assets.pictures import encoded

CHROMIUM = shutil.which("chromium")
EXPIRED = StatusEvidence("c2pa", "signingCredential.expired", Outcome.FAILURE, explanation="in 2024")
UNAVAILABLE = StatusEvidence("marks", "examiner.unavailable", Outcome.UNAVAILABLE, explanation="asset.unreadable: cut short")

_SERVICE = """
const sent = [];
window.fetch = async (path, options) => {
  sent.push(options.headers.Authorization || "none");
  const [status, body] = ANSWERS[Math.min(sent.length, ANSWERS.length) - 1];
  return new Response(JSON.stringify(body), { status });
};
"""
_VISITOR = """
const picked = new DataTransfer();
picked.items.add(new File(["x"], "a.png"));
at("file").files = picked.files;
const busy = () => at("conclusion").textContent === "Checking";
const settled = async () => { while (busy()) await new Promise((go) => setTimeout(go, 5)); };
(async () => {
  for (const key of KEYS) {
    at("key").value = key;
    at("form").requestSubmit();
    await settled();
  }
  const seen = {
    conclusion: at("conclusion").textContent, explanation: at("explanation").textContent, report: at("report").textContent,
    findings: [...at("findings").children].map((line) => line.textContent), access: !at("access").hidden, sent,
    stored: localStorage.length + sessionStorage.length + document.cookie.length,
  };
  const out = document.body.appendChild(document.createElement("output"));
  out.textContent = JSON.stringify(seen);
})();
"""


def shown(tmp_path: Path, *answers: tuple[int, Any], keys: tuple[str, ...] = ("",)) -> dict[str, Any]:
    """What the page shows after one submission for each of `keys`, to which the service answers in turn."""
    if CHROMIUM is None:
        pytest.skip("needs the browser chromium")
    script = f"const ANSWERS = {json.dumps(answers)}, KEYS = {json.dumps(keys)};{_SERVICE}{_SCRIPT}{_VISITOR}"
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><body>{_BODY}<script>{script}</script>', "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update"]
    options += ["--disable-background-networking", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [CHROMIUM, *options, "--virtual-time-budget=5000", "--dump-dom", page.as_uri()],
        capture_output=True,
        timeout=60,
        check=True,
    )
    found = re.search(r"<output>(.*)</output>", done.stdout.decode("utf-8"), re.DOTALL)
    assert found is not None, done.stderr.decode()
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    return seen


def report(*evidence: Evidence) -> dict[str, Any]:
    names = dict.fromkeys(e.examiner for e in evidence)
    examiners = [FixedExaminer([e for e in evidence if e.examiner == name], name) for name in names]
    found = inspect(encoded("image/png"), examiners, VerdictPolicy(), at=AT)
    return ReportDocument.from_report(found).as_dict()


def test_inconclusive_says_what_was_found_and_who_could_not_look(tmp_path: Path) -> None:
    seen = shown(tmp_path, (200, report(ABSENT, UNAVAILABLE, ABSTAINED)))
    assert seen["explanation"] == "No finding decides. This does not mean that it is a photograph."
    assert seen["findings"] == [
        "provenance: no manifest is embedded.",
        "marks could not run: examiner.unavailable asset.unreadable: cut short",
        f"{ABSTAINED.examiner} abstained: {ABSTAINED.code} {ABSTAINED.explanation}",
    ]


def test_an_invalid_manifest_is_not_nothing_found(tmp_path: Path) -> None:
    assert shown(tmp_path, (200, report(EXPIRED)))["findings"] == [
        "provenance: it carries a manifest that does not hold.",
        "c2pa failed: signingCredential.expired in 2024",
    ]


def test_a_key_is_asked_for_once_it_is_needed_and_kept_nowhere(tmp_path: Path) -> None:
    refused = {"title": "No key", "detail": "send one"}
    before = shown(tmp_path, (200, report(ABSENT)))
    assert (before["access"], before["sent"]) == (False, ["none"])
    seen = shown(tmp_path, (401, refused), (200, report(ABSENT)), keys=("", "assay_k3y"))
    assert (seen["access"], seen["sent"], seen["stored"]) == (True, ["none", "Bearer assay_k3y"], 0)
    assert seen["conclusion"] == "inconclusive"


def test_what_an_image_says_does_not_steer_the_page(tmp_path: Path) -> None:
    hostile = StatusEvidence("c2pa", "manifest.malformed", Outcome.FAILURE, explanation="a\u202eb\u2066c\u2069d\x07e\u0085f")
    seen = shown(tmp_path, (200, report(hostile)))
    assert seen["findings"][1] == "c2pa failed: manifest.malformed a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf"
    assert re.search("[\u202a-\u202e\u2066-\u2069\x07\x85]", seen["report"]) is None
    assert json.loads(seen["report"])["verdict"]["conclusion"] == "inconclusive"


def test_markup_in_an_image_is_text_on_the_page(tmp_path: Path) -> None:
    markup = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>' OR 1=1; --"
    hostile = StatusEvidence("c2pa", "manifest.malformed", Outcome.FAILURE, explanation=markup)
    seen = shown(tmp_path, (200, report(hostile)))
    assert seen["findings"][1] == f"c2pa failed: manifest.malformed {markup}"
    assert markup in json.loads(seen["report"])["evidence"][0]["explanation"]
