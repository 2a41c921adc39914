from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from api.database import SchemaVersionRow, open_database
from api.jobs import ObjectRow
from provenance.errors import StorageError


def test_a_time_comes_back_in_utc_with_its_zone(database):
    there = datetime(2026, 11, 22, 5, 0, tzinfo=timezone(timedelta(hours=9)))
    with database.begin() as session:
        session.add(ObjectRow(sha256="a" * 64, touched_at=there))
    with database.read() as session:
        found = session.get_one(ObjectRow, "a" * 64).touched_at
    assert found == there
    assert found.tzinfo is UTC


def test_opening_twice_changes_nothing(home):
    open_database(None, home=home).close()
    database = open_database(None, home=home)
    with database.read() as session:
        assert [row.version for row in session.scalars(select(SchemaVersionRow))] == [1]
    database.close()


def test_an_unknown_schema_version_is_refused(home):
    open_database(None, home=home).close()
    with sqlite3.connect(home / "assay.db") as connection:
        connection.execute("UPDATE schema_version SET version = 2")
    connection.close()
    with pytest.raises(StorageError, match="schema version 2, this program knows 1"):
        open_database(None, home=home)


def test_a_file_that_is_no_database_is_refused(home):
    home.mkdir()
    (home / "assay.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match=r"^could not open the database: file is not a database$"):
        open_database(None, home=home)


def test_a_url_that_is_none_is_refused_without_repeating_it(home):
    with pytest.raises(StorageError) as caught:
        open_database("::secret::", home=home)
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_is_a_storage_error(home):
    with pytest.raises(StorageError) as caught:
        open_database("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", home=home)
    assert "sqlalche.me" not in str(caught.value)


def test_writers_take_turns(database):
    """Read, then write, from many threads at once: with a deferred transaction SQLite would refuse some of them at once."""
    with database.begin() as session:
        session.add(SchemaVersionRow(id=2, version=0))
    errors = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with database.begin() as session:
                    row = session.scalars(select(SchemaVersionRow).where(SchemaVersionRow.id == 2).with_for_update()).one()
                    row.version += 1
        except StorageError as err:
            errors.append(err)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.read() as session:
        assert session.get_one(SchemaVersionRow, 2).version == 40
