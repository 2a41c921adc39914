"""Files in and out of the command line: whole or not at all, and never over something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from api.commands.files import read_bytes, require_free, require_other, write_whole
from provenance.errors import AssetMissing, AssetTooLarge, OutputExists, StorageError, UsageInvalid


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_arrive_whole_with_the_rights_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x", b"data", force=False)
    finally:
        os.umask(before)
    assert (tmp_path / "x").read_bytes() == b"data"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["x"]


def test_a_long_name_still_has_room_for_the_partial_one(tmp_path: Path) -> None:
    write_whole(tmp_path / ("x" * 250), b"data", force=False)
    assert names(tmp_path) == ["x" * 250]


def test_something_that_came_to_be_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(descriptor: int) -> None:
        (tmp_path / "x").write_bytes(b"somebody else's")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(OutputExists):
        write_whole(tmp_path / "x", b"data", force=False)
    assert (tmp_path / "x").read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["x"]


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", forbidden)
    write_whole(tmp_path / "x", b"data", force=False)
    assert (tmp_path / "x").read_bytes() == b"data"
    assert names(tmp_path) == ["x"]


def test_force_does_not_put_a_file_where_a_pipe_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputExists, match="directory, pipe or device"):
        write_whole(tmp_path / "pipe", b"data", force=True)
    assert (tmp_path / "pipe").is_fifo()


def test_force_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputExists):
        write_whole(tmp_path / "link", b"data", force=False)
    write_whole(tmp_path / "link", b"data", force=True)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "link").read_bytes() == b"data"


def test_a_dangling_link_counts_as_something_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(OutputExists):
        require_free(tmp_path / "link", force=False)


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("whoever runs the tests may write everywhere")
    with pytest.raises(StorageError):
        write_whole(folder / "x", b"data", force=False)


def test_input_and_output_that_are_one_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    os.link(tmp_path / "x", tmp_path / "other name")
    with pytest.raises(UsageInvalid):
        require_other(tmp_path / "x", tmp_path / "other name")
    require_other(tmp_path / "x", tmp_path / "new")
    require_other(tmp_path / "missing", tmp_path / "x")


def test_at_most_as_many_bytes_as_allowed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", max_bytes=5) == b"12345"
    with pytest.raises(AssetTooLarge, match="5 bytes"):
        read_bytes(tmp_path / "x", max_bytes=4)


def test_a_file_that_says_less_than_it_gives() -> None:
    """Files under /proc announce no bytes at all and have some."""
    with pytest.raises(AssetTooLarge, match="grew"):
        read_bytes(Path("/proc/self/status"), max_bytes=10)


def test_a_name_with_a_nul_is_no_file() -> None:
    with pytest.raises(AssetMissing):
        read_bytes(Path("a\0b"), max_bytes=10)


def test_refusals_leave_no_file_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(AssetMissing):
            read_bytes(tmp_path, max_bytes=10)
    assert len(os.listdir("/proc/self/fd")) == before
