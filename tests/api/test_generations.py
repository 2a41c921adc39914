"""Generating over HTTP, with the real diffusers code, the embedded worker and a worker process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.auth import Scope, create_key
from api.database import open_database
from provenance.keys import create_development_credential
from tests import tiny_pipelines
from tests.api.serving import ROOT, Server
from tests.api.test_survival import wait_for_end

ASKED = {"prompt": "a lighthouse", "steps": 2, "width": 64, "height": 64, "seed": 5}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("torch", "diffusers", "transformers"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what third parties deprecate while being imported
            pytest.importorskip(name, reason=f"needs {name}: pip install 'assay[generate]'")
    return tiny_pipelines.save(tiny_pipelines.sd15(), tmp_path_factory.mktemp("model") / "sd15")


def key_in(home: Path, scope: Scope) -> dict[str, str]:
    database = open_database(None, home=home)
    key = create_key(database, scope, [scope]).text
    database.close()
    return {"Authorization": f"Bearer {key}"}


def test_a_generation_comes_back_stamped(home, model):
    create_development_credential(home, now=datetime.now(UTC))
    with Server(home, signer_uri="development:", model_dir=model, quick_answer_s=0.0, provider="Example") as server:
        key = key_in(home, Scope.GENERATE)
        answers = [server.client.post("/v1/generations", json={**ASKED, "seed": seed}, headers=key) for seed in (5, 6)]
        assert [answer.status_code for answer in answers] == [202, 202]
        server.client.headers.update(key)
        for answer in answers:
            job = wait_for_end(server.client, answer.headers["location"], within_s=120)
            assert job["state"] == "finished", job
            image = server.client.get(job["links"]["result"])
            assert (image.status_code, image.headers["content-type"]) == (200, "image/png")
            del server.client.headers["Authorization"]
            report = server.client.post("/v1/checks", files={"file": image.content}, headers={"Prefer": "wait=10"})
            found = wait_for_end(server.client, report.headers["location"])
            verdict = server.client.get(found["links"]["report"]).json()
            assert verdict["verdict"]["conclusion"] == "declared_synthetic"
            assert verdict["provenance"] == {"state": "trusted", "tier": "development"}
            server.client.headers.update(key)
        assert server.client.post("/v1/generations", json={"prompt": ""}).status_code == 422
        assert server.client.post("/v1/generations", json={**ASKED, "width": 65}).status_code == 422


def test_a_model_directory_that_is_none_fails_the_job_and_not_the_service(home, tmp_path):
    pytest.importorskip("diffusers", reason="needs diffusers: pip install 'assay[generate]'")
    create_development_credential(home, now=datetime.now(UTC))
    with Server(home, signer_uri="development:", model_dir=tmp_path) as server:
        server.client.headers.update(key_in(home, Scope.GENERATE))
        answer = server.client.post("/v1/generations", json=ASKED, timeout=120)
        if answer.status_code == 202:
            job = wait_for_end(server.client, answer.headers["location"], within_s=120)
            code = job["problem"]["code"]
        else:
            code = answer.json()["code"]
        assert code == "pipeline.model_unusable"
        assert server.client.get("/readyz").status_code == 200


def test_a_worker_process_of_its_own_generates(home, model):
    """The serving process has no model; the worker finds the job by sweeping, because their brokers are not the same."""
    create_development_credential(home, now=datetime.now(UTC))
    options = {"signer_uri": "development:", "model_dir": model, "lease_s": 1, "sweep_interval_s": 0.5, "quick_answer_s": 0.0}
    with Server(home, embedded_worker=False, **options) as server:
        server.client.headers.update(key_in(home, Scope.GENERATE))
        path = server.client.post("/v1/generations", json=ASKED).headers["location"]
        program = "from api import settings, worker; worker.run_worker(settings.Settings(), ['generate'])"
        worker = subprocess.Popen([sys.executable, "-c", program], env=server.environment, cwd=ROOT)
        try:
            job = wait_for_end(server.client, path, within_s=120)
            assert job["state"] == "finished", job
            assert server.client.get(job["links"]["result"]).status_code == 200
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=30) == 0
