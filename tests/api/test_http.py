from __future__ import annotations

import asyncio
import errno
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.auth import Scope
from api.intake import MAX_JSON_BYTES
from api.main import create_app
from api.report_document import ReportDocument
from provenance.asset import Asset
from provenance.errors import CredentialInvalid, WeightsMismatch
from provenance.keys import signer_from_uri
from provenance.prompt_policy import PromptPolicy
from tests.api.conftest import animated, encoded, key_for

RECORD = json.dumps({"model": "example/model", "prompt": "a house", "seed": 7, "parameters": {"steps": 4}})
ASYNC = {"Prefer": "respond-async"}


def problem(response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert set(document) == {"type", "title", "status", "detail", "code"}
    assert document["status"] == response.status_code
    assert document["type"] == f"/problems/{document['code']}"
    return response.status_code, document["code"]


def check(client: TestClient, data: bytes, name: str = "a.png", **headers: str):
    return client.post("/v1/checks", files={"file": (name, data)}, headers=headers)


def test_a_quick_check_answers_with_the_report(client, png):
    answer = check(client, png)
    assert answer.status_code == 200
    report = ReportDocument.model_validate(answer.json())
    assert report.asset.sha256 == Asset.from_bytes(png).sha256
    assert report.verdict.conclusion == "inconclusive"
    assert client.get(answer.headers["content-location"]).content == answer.content


def test_the_pixels_are_deleted_once_judged_and_the_report_is_kept(client, png):
    answer = check(client, png)
    objects = client.app.state.service.jobs.objects
    for _ in range(100):
        if not list(objects):
            break
        client.get("/healthz")
    assert list(objects) == []
    assert client.get(answer.headers["content-location"]).status_code == 200


def test_respond_async_answers_202_and_the_job_leads_to_the_report(client, png):
    answer = check(client, png, **ASYNC)
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    with client.stream("GET", answer.json()["links"]["events"]) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data: ")]
    assert events[-1]["state"] == "finished"
    job = client.get(answer.headers["location"]).json()
    assert job == events[-1]
    assert client.get(job["links"]["report"]).json()["asset"]["sha256"] == Asset.from_bytes(png).sha256


@pytest.mark.parametrize("prefer", ["wait=1, respond-async", "RESPOND-ASYNC; a=b"])
def test_respond_async_is_found_among_other_preferences(client, png, prefer):
    assert check(client, png, Prefer=prefer).status_code == 202


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (422, "asset.empty")),
        (b"%PDF-1.7 called .png", (415, "asset.unsupported")),
        (b"\x89PNG\r\n\x1a\n", (422, "asset.unreadable")),
        (encoded()[:20], (422, "asset.unreadable")),
        (animated(), (415, "asset.animated")),
    ],
    ids=["empty", "a PDF called .png", "only a signature", "cut in the header", "animated"],
)
def test_what_is_no_single_image_is_a_coded_problem(client, data, expected):
    assert problem(check(client, data)) == expected
    assert check(client, encoded()).status_code == 200


def test_a_renamed_image_is_taken_for_what_it_is(client):
    assert check(client, encoded("JPEG"), "a.png").json()["asset"]["media_type"] == "image/jpeg"


def test_more_pixels_than_the_limit_are_refused_by_the_header(settings):
    with TestClient(create_app(settings.model_copy(update={"max_asset_pixels": 1000}))) as client:
        assert problem(check(client, encoded(size=(40, 26)))) == (422, "asset.too_many_pixels")
        assert check(client, encoded(size=(40, 25))).status_code == 200


def test_a_failed_job_keeps_the_problem_it_was_answered_with(client):
    answer = check(client, encoded()[:20])
    job = client.get(answer.headers["content-location"]).json()
    assert (job["state"], job["problem"]) == ("failed", answer.json())


def test_bodies_that_are_no_upload_are_refused(client):
    assert problem(client.post("/v1/checks")) == (415, "request.unsupported_media_type")
    assert problem(client.post("/v1/checks", content=b"x", headers={"content-type": "image/png"}))[0] == 415
    assert problem(client.post("/v1/checks", data={"other": "x"}, files={"more": b"x"})) == (400, "request.malformed")
    assert problem(client.post("/v1/checks", content="{", headers={"content-type": "application/json"}))[0] == 422


def test_a_check_by_url_is_refused_until_switched_on(client):
    assert problem(client.post("/v1/checks", json={"url": "http://example.org/"})) == (403, "fetch.disabled")


def test_a_check_by_url_goes_through_the_guarded_fetcher(settings):
    with TestClient(create_app(settings.model_copy(update={"url_checks_enabled": True}))) as client:
        assert problem(client.post("/v1/checks", json={"url": "http://127.0.0.1:80/"})) == (422, "fetch.refused")
        assert problem(client.post("/v1/checks", json={"url": "file:///etc/passwd"})) == (422, "fetch.refused")


def test_unknown_things_are_not_found(client):
    assert problem(client.get("/nowhere")) == (404, "request.not_found")
    assert problem(client.get(f"/v1/reports/{'0' * 32}")) == (404, "report.unknown")
    assert problem(client.get(f"/v1/jobs/{'0' * 32}")) == (404, "job.unknown")
    assert problem(client.get("/v1/jobs/..%2f..%2fetc")) in {(422, "request.invalid"), (404, "request.not_found")}
    refused = client.delete("/v1/checks")
    assert problem(refused) == (405, "request.method_not_allowed")
    assert refused.headers["allow"] == "POST"


def test_an_unforeseen_failure_says_nothing_of_the_inside(client, png, monkeypatch):
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of /etc/shadow")

    monkeypatch.setattr("api.routes.answers.submit", break_down)
    monkeypatch.setattr("api.routes.checks.submit", break_down)
    answer = check(client, png)
    assert problem(answer) == (500, "internal")
    assert "secret" not in answer.text


def test_checking_needs_a_key_where_it_is_not_open(settings, png):
    with TestClient(create_app(settings.model_copy(update={"open_checks": False}))) as client:
        refused = check(client, png)
        assert problem(refused) == (401, "access.unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert problem(check(client, png, **key_for(client, Scope.STAMP))) == (403, "access.forbidden")
        key = key_for(client, Scope.CHECK)
        answer = check(client, png, **key)
        assert answer.status_code == 200
        assert problem(client.get(answer.headers["content-location"])) == (401, "access.unauthenticated")
        assert client.get(answer.headers["content-location"], headers=key).status_code == 200


def test_nobody_stamps_or_generates_without_a_key(client):
    assert problem(client.post("/v1/stamps", files={"file": b"x", "record": b"{}"}))[0] == 401
    assert problem(client.post("/v1/generations", json={"prompt": "x"}))[0] == 401


def test_without_a_signer_stamping_is_unavailable(client, png):
    key = key_for(client, Scope.STAMP, Scope.GENERATE)
    files = {"file": png, "record": RECORD}
    assert problem(client.post("/v1/stamps", files=files, headers=key)) == (503, "signing.credential_missing")
    files = {"file": png, "derivation": b"{}"}
    assert problem(client.post("/v1/derivatives", files=files, headers=key)) == (503, "signing.credential_missing")
    assert problem(client.post("/v1/generations", json={"prompt": "x"}, headers=key)) == (503, "pipeline.model_unusable")
    assert problem(client.get("/v1/credentials")) == (503, "signing.credential_missing")


@pytest.mark.parametrize(("format_name", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_a_stamped_image_comes_back_and_checks_as_declared_synthetic(signing_client, format_name, media_type):
    key = key_for(signing_client, Scope.STAMP)
    picture = encoded(format_name)
    answer = signing_client.post("/v1/stamps", files={"file": picture, "record": RECORD}, headers=key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.content != picture
    report = check(signing_client, answer.content).json()
    assert report["verdict"]["conclusion"] == "declared_synthetic"
    assert report["provenance"] == {"state": "trusted", "tier": "development"}
    assert "signature" in report


def test_a_stamp_may_be_fetched_later_by_the_key_that_asked_and_no_other(signing_client, png):
    key, other, admin = (key_for(signing_client, scope, name=scope) for scope in (Scope.STAMP, Scope.STAMP, Scope.ADMIN))
    answer = signing_client.post("/v1/stamps", files={"file": png, "record": RECORD}, headers={**key, **ASYNC})
    assert answer.status_code == 202
    path = answer.headers["location"]
    for _ in range(200):
        job = signing_client.get(path, headers=key).json()
        if job["state"] == "finished":
            break
    result = signing_client.get(job["links"]["result"], headers=key)
    assert (result.status_code, result.headers["content-type"]) == (200, "image/png")
    assert problem(signing_client.get(path)) == (404, "job.unknown")
    assert problem(signing_client.get(path, headers=other)) == (404, "job.unknown")
    assert problem(signing_client.get(f"{path}/result", headers=other)) == (404, "job.unknown")
    assert problem(signing_client.get(f"{path}/events", headers=other)) == (404, "job.unknown")
    assert signing_client.get(path, headers=admin).status_code == 200


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"{}",
        b'{"model": ""}',
        b'{"model": "m", "parents": []}',
        b'{"model": "m", "seed": -1}',
        b'{"model": "m", "parameters": {"a": {"nested": 1}}}',
        b'{"model": "m", "created_at": "2026-01-01T00:00:00"}',
        b'{"model": "m", "prompt": "a\\u0000b"}',
    ],
)
def test_a_record_that_declares_nothing_honest_is_refused(signing_client, png, record):
    answer = signing_client.post(
        "/v1/stamps", files={"file": png, "record": record}, headers=key_for(signing_client, Scope.STAMP)
    )
    assert answer.status_code == 422
    assert problem(answer)[1] in ("request.invalid", "record.invalid")


@pytest.mark.parametrize("mode", ["image-to-image", "inpainting", "upscaling"])
def test_a_mode_that_needs_a_parent_is_refused_in_words(signing_client, png, mode):
    record = json.dumps({"model": "m", "mode": mode}).encode()
    headers = key_for(signing_client, Scope.STAMP)
    answer = signing_client.post("/v1/stamps", files={"file": png, "record": record}, headers=headers)
    assert problem(answer) == (422, "record.invalid")
    assert answer.json()["detail"] == f"{mode} starts from an image: name it as parent"


def test_prompts_that_are_not_kept_are_nowhere_in_a_stamp(signing_settings, png):
    record = {"model": "m", "prompt": "zanzibar", "negative_prompt": "ocelot", "seed": 7}
    record["parameters"] = {"prompt_2": "quokka", "steps": 4}
    found = {}
    key_file = signing_settings.home / "prompt.key"
    key_file.write_bytes(b"k" * 32)
    for policy in PromptPolicy:
        chosen = {"prompt_policy": policy, "prompt_key_file": key_file}
        with TestClient(create_app(signing_settings.model_copy(update=chosen))) as client:
            files = {"file": png, "record": json.dumps(record).encode()}
            answer = client.post("/v1/stamps", files=files, headers=key_for(client, Scope.STAMP))
        assert answer.status_code == 200
        found[policy.value] = [word for word in (b"zanzibar", b"ocelot", b"quokka") if word in answer.content]
        assert b"seed" in answer.content
    assert found == {"plain": [b"zanzibar", b"ocelot", b"quokka"], "keyed": [], "omitted": []}


def test_a_gif_cannot_carry_a_stamp(signing_client):
    files = {"file": encoded("GIF"), "record": RECORD}
    answer = signing_client.post("/v1/stamps", files=files, headers=key_for(signing_client, Scope.STAMP))
    assert problem(answer) == (415, "asset.unsupported")


def test_the_credential_says_that_it_is_a_development_one(signing_client):
    document = signing_client.get("/v1/credentials").json()
    assert (document["development"], document["expired"], document["algorithm"]) == (True, False, "es256")
    assert all(pem.startswith("-----BEGIN CERTIFICATE-----") for pem in document["certificates"])


def test_a_missing_key_file_costs_the_stamps_and_not_the_checks(settings, png, tmp_path: Path):
    with pytest.raises(CredentialInvalid):
        signer_from_uri(f"file:{tmp_path}/none", home=settings.home)
    broken = settings.model_copy(update={"signer_uri": f"file:{tmp_path}/none"})
    with TestClient(create_app(broken), raise_server_exceptions=False) as client:
        files = {"file": png, "record": RECORD}
        answer = client.post("/v1/stamps", files=files, headers=key_for(client, Scope.STAMP))
        assert problem(answer) == (503, "signing.credential_missing")
        assert str(tmp_path) not in answer.text
        answer = check(client, png)
        assert answer.status_code == 200
        assert "signature" not in answer.json()


def test_health_metrics_and_schema(client, png):
    check(client, png)
    assert client.get("/healthz").json() == {"status": "ok", "checks": {}}
    ready = client.get("/readyz").json()
    names = ("database", "objects", "worker", "trust", "isolation", "c2pa", "marks")
    assert ready == {"status": "ok", "checks": dict.fromkeys(names, "ok")}
    metrics = client.get("/metrics").text
    assert 'assay_jobs_total{kind="check",outcome="finished"} 1.0' in metrics
    assert 'assay_http_requests_total{method="POST",route="/v1/checks",status="200"} 1.0' in metrics
    assert client.get("/v1/schemas/report.json").json()["$schema"].startswith("https://json-schema.org/")


def test_readiness_says_which_examiner_cannot_look_and_still_takes_work(settings, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise WeightsMismatch("/srv/x.onnx is another file")

    monkeypatch.setattr("detector.scoring.load_detector", broken)
    with TestClient(create_app(settings.model_copy(update={"examiners": ("c2pa", "detector")}))) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        assert answer.json()["checks"]["detector"] == "unavailable: detector.weights_mismatch"
        assert answer.json()["checks"]["c2pa"] == "ok"


def test_an_object_folder_that_takes_no_bytes_is_not_ready(client, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("api.storage.os.fsync", full)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["objects"]) == (503, "unavailable")


@pytest.mark.parametrize("path", ["/v1/generations", "/v1/stamps"])
def test_no_byte_of_a_body_is_read_before_the_key(client, path):
    async def never() -> dict[str, object]:
        raise AssertionError("the body was read")

    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000000000")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
    asyncio.run(client.app(scope, never, send))
    assert sent[0]["status"] == 401


def test_what_to_generate_is_json_of_limited_size(signing_settings, tmp_path):
    generating = signing_settings.model_copy(update={"model_dir": tmp_path, "embedded_worker": False, "quick_answer_s": 0.0})
    with TestClient(create_app(generating)) as client:
        key = key_for(client, Scope.GENERATE)

        def asked(body: bytes, media_type: str = "application/json") -> tuple[int, str]:
            return problem(client.post("/v1/generations", content=body, headers={**key, "Content-Type": media_type}))

        assert asked(b" " * (MAX_JSON_BYTES + 1)) == (413, "request.too_large")
        assert asked(b"{") == (422, "request.invalid")
        assert asked(b'{"prompt": "a house", "width": 65}') == (422, "request.invalid")
        assert asked(b'{"prompt": "a house"}', "text/plain") == (415, "request.unsupported_media_type")
        assert client.post("/v1/generations", json={"prompt": "a house"}, headers=key).status_code == 202


def test_a_body_without_a_turn_is_refused_and_a_turn_comes_back(settings, png):
    busy = settings.model_copy(update={"max_concurrent_uploads": 1, "upload_turn_timeout_s": 0.05})
    with TestClient(create_app(busy)) as client:
        turn = client.app.state.service.uploads.turn()
        client.portal.call(turn.__aenter__)
        answer = check(client, png)
        assert problem(answer) == (503, "service.busy")
        assert int(answer.headers["retry-after"]) > 0
        client.portal.call(turn.__aexit__, None, None, None)
        assert check(client, b"").status_code == 422
        assert check(client, png).status_code == 200


def test_every_problem_type_is_described(client):
    answer = client.get("/problems/asset.empty").json()
    assert answer == {"code": "asset.empty", "status": 422, "description": "Zero bytes."}
    assert problem(client.get("/problems/no.such")) == (404, "request.not_found")


def test_pages_need_nothing_from_elsewhere_and_reflect_nothing(client):
    for path in ("/", "/docs"):
        page = client.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page.text)
    hostile = "<script>alert(1)</script>"
    answer = client.get(f"/{hostile}")
    assert problem(answer) == (404, "request.not_found")
    assert hostile not in answer.text
    refused = client.post("/v1/checks", data={hostile: "x"}, files={hostile: b"x"})
    assert hostile not in refused.text


def test_answers_are_not_kept_guessed_or_framed(client):
    headers = client.get("/healthz").headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_with_too_many_jobs_waiting_new_ones_are_refused(settings, png):
    full = settings.model_copy(update={"max_pending_jobs": 2, "embedded_worker": False, "quick_answer_s": 0.0})
    with TestClient(create_app(full)) as client:
        assert [check(client, png).status_code for _ in range(2)] == [202, 202]
        answer = check(client, png)
        assert problem(answer) == (503, "service.busy")
        assert int(answer.headers["retry-after"]) > 0
