"""The OpenAPI document says what the service does: schemathesis reads it and asks a real server for everything in it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.auth import Scope, create_key
from api.database import open_database
from provenance.keys import create_development_credential
from tests.api.serving import Server

TIMEOUT_S = 180
CONFIG = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]  # no model is configured here: generating says so
# A schema cannot say that bytes are an image, nor that a text declares something honest.
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 410, 415, 422, 503]
"""


def test_the_service_does_what_its_openapi_document_says(home: Path):
    pytest.importorskip("schemathesis", reason="needs schemathesis")
    create_development_credential(home, now=datetime.now(UTC))
    config = home.parent / "schemathesis.toml"
    config.write_text(CONFIG)
    with Server(home, signer_uri="development:", quick_answer_s=2) as server:
        database = open_database(None, home=home)
        key = create_key(database, "schemathesis", [Scope.CHECK, Scope.STAMP, Scope.GENERATE]).text
        database.close()
        command = [str(Path(sys.executable).parent / "st"), "--config-file", str(config), "--no-color"]
        command += ["run", f"http://127.0.0.1:{server.port}/openapi.json", "-H", f"Authorization: Bearer {key}"]
        command += ["--checks", "all", "--max-examples", "6", "--seed", "1", "--warnings", "off"]
        command += ["--suppress-health-check", "all", "--generation-database", "none"]
        done = subprocess.run(command, cwd=home.parent, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert server.client.get("/readyz").status_code == 200
    assert "Traceback" not in server.log.read_text()
