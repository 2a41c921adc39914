"""What the tests of the service share: settings in a folder of their own, a running application, pictures, both databases."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from kombu.transport.memory import Channel as MemoryChannel
from PIL import Image
from starlette.testclient import TestClient

from api.auth import Scope, create_key
from api.database import Database, open_database
from api.main import create_app
from api.settings import Settings
from provenance.keys import create_development_credential

POSTGRES_URL = os.environ.get("ASSAY_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test")


def encoded(format_name: str = "PNG", size: tuple[int, int] = (64, 48), colour: tuple[int, int, int] = (200, 30, 90)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, format_name)
    return out.getvalue()


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 255)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.fixture
def png() -> bytes:
    return encoded()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    """Embedded defaults, without the detector: these tests are about the service."""
    return Settings(home=home, examiners=("c2pa", "marks"), quick_answer_s=20.0, parser_processes=1)


@pytest.fixture
def signing_settings(settings: Settings) -> Settings:
    create_development_credential(settings.home, now=datetime.now(UTC))
    return settings.model_copy(update={"signer_uri": "development:"})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as running:
        yield running


@pytest.fixture
def signing_client(signing_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(signing_settings), raise_server_exceptions=False) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet_memory_broker() -> None:
    """The in-memory broker belongs to the process: without this a test would hear the bells of the one before."""
    for queue in MemoryChannel.queues.values():
        with queue.mutex:
            queue.queue.clear()


def key_for(client: TestClient, *scopes: Scope, name: str = "test") -> dict[str, str]:
    """The Authorization header of a new key with these scopes."""
    key = create_key(client.app.state.service.database, name, scopes)
    return {"Authorization": f"Bearer {key.text}"}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, home: Path) -> Iterator[Database]:
    """Each database in turn; PostgreSQL in a schema of its own, dropped at the end."""
    if request.param == "sqlite":
        opened = open_database(None, home=home)
        yield opened
        opened.close()
        return
    url = sqlalchemy.make_url(POSTGRES_URL).set(drivername="postgresql+psycopg")
    admin = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    schema = f"assay_{uuid.uuid4().hex}"
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    except sqlalchemy.exc.OperationalError:
        admin.dispose()
        pytest.skip("no PostgreSQL answers at ASSAY_TEST_POSTGRES_URL or on 127.0.0.1:5432")
    opened = open_database(
        url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False), home=home
    )
    yield opened
    opened.close()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    admin.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> list[str]:
    """A command prefix under which `tmp_path` is an empty disk of one megabyte."""
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f'mount -t tmpfs -o size=1m tmpfs {shlex.quote(str(tmp_path))} && exec "$@"'
    try:
        subprocess.run([*prefix, mount, "sh", "true"], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as err:
        pytest.skip(f"this machine lets nobody mount a small disk in a namespace of its own: {err}")
    return [*prefix, mount, "sh"]
