"""What a command ends with: exit codes, errors in words or as JSON, and one line of JSON per result on stdout.

Exit codes are those of DESIGN: 0 no finding, 1 a finding, 2 inconclusive because an examiner was unavailable, 3 an error. Over
many files an error outranks a finding, because the answer is incomplete; a finding outranks an unavailable examiner, because it
holds whatever the examiner would have said.
"""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import typer

from provenance.errors import AssayError, NotTrusted
from provenance.verdict import ExitCode

INTERNAL_CODE: Final = "internal"
"""Code of a failure that is not in the tree of `provenance.errors`: a defect of ours."""

_RANK: Final = (ExitCode.NO_FINDING, ExitCode.UNAVAILABLE, ExitCode.FINDING, ExitCode.ERROR)


def exit_code_of(err: BaseException) -> ExitCode:
    """The exit code an error ends a command with: the tree of errors is mapped here, once."""
    return ExitCode.FINDING if isinstance(err, NotTrusted) else ExitCode.ERROR


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code over many files: error, finding, unavailable, none, whichever comes first.

    >>> worst([ExitCode.UNAVAILABLE, ExitCode.FINDING]).name
    'FINDING'
    """
    return max(codes, key=_RANK.index, default=ExitCode.NO_FINDING)


def error_of(err: BaseException) -> dict[str, str]:
    """Code and message of an error, whatever raised it."""
    if isinstance(err, AssayError):
        return {"code": err.code, "message": str(err)}
    if isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return {"code": "storage.failed", "message": str(err)}
    return {"code": INTERNAL_CODE, "message": f"{type(err).__name__}: {err}"}


def emit(values: Mapping[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    text = json.dumps(values, ensure_ascii=not unicode, allow_nan=False)
    # A path that is not UTF-8 has lone surrogates, which no encoding of stdout takes.
    typer.echo(text.encode("utf-8", "replace").decode("utf-8"))


def tell(message: str) -> None:
    """One line for people, on stderr: stdout is for results."""
    typer.echo(printable(message), err=True)


def say_error(path: str, err: Exception, *, as_json: bool) -> None:
    """What went wrong with one file: a line of JSON on stdout, or words on stderr."""
    error = error_of(err)
    if as_json:
        emit({"path": path, "error": error})
    else:
        tell(f"{path}: {error['code']}: {error['message']}")


def printable(text: str) -> str:
    """`text` without control and direction characters, which a hostile manifest could steer a terminal or a reader with."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def failures(*, as_json: bool, paths: Iterable[object] = ()) -> Iterator[None]:
    """Let a failure leave as JSON on stdout when that was asked for: one object for each path, or one without a path.

    Without `as_json` the failure goes on to `api.cli`, which words it on stderr.
    """
    try:
        yield
    except Exception as err:
        if not as_json or isinstance(err, typer.Exit):
            raise
        error = error_of(err)
        named = [{"path": str(path), "error": error} for path in paths]
        for values in named or [{"error": error}]:
            emit(values)
        raise typer.Exit(exit_code_of(err)) from err
