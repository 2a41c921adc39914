"""The command `assay`: its commands put together, and its errors ended with the right exit code.

A failure of the tree in `provenance.errors` is one line on stderr, code first. A mistake on the command line is an error like
any other (exit code 3): 1 and 2 mean something else here. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from api.commands import keys, report, tokens, trust
from api.commands.check import check
from api.commands.conformance import conformance
from api.commands.derive import derive
from api.commands.generate import generate
from api.commands.outcome import INTERNAL_CODE, error_of, exit_code_of, tell
from api.commands.redact import redact
from api.commands.score import score
from api.commands.service import serve, worker
from api.commands.stamp import stamp
from provenance.verdict import ExitCode

INTERRUPTED = 130
"""As shells have it: 128 and the number of SIGINT."""


class AssayGroup(TyperGroup):
    """The root command, which ends with the exit codes of `assay` instead of Typer's."""

    def main(self, args: Sequence[str] | None = None, *positional: Any, **extra: Any) -> NoReturn:  # noqa: ANN401  # as Typer's
        """Run, and exit."""
        extra["standalone_mode"] = False
        try:
            result = super().main(args, *positional, **extra)
        except KeyboardInterrupt:
            result = INTERRUPTED
        except BrokenPipeError:
            # Whoever read our output has gone; closing stdout again must not complain about it.
            sys.stderr.close()
            result = ExitCode.ERROR
        except Exception as err:
            result = _ended(err)
        sys.exit(int(result) if isinstance(result, int) else 0)


def _ended(err: Exception) -> ExitCode:
    if isinstance(err, typer.Abort):
        tell("aborted")
        return ExitCode.ERROR
    message = getattr(err, "format_message", None)  # Typer's own, for mistakes on the command line
    if message is not None:
        tell(f"usage.invalid: {message()}")
        return ExitCode.ERROR
    error = error_of(err)
    if error["code"] == INTERNAL_CODE:
        import traceback  # reads source files: 40 ms that only a defect should cost

        traceback.print_exception(err)
    tell(f"{error['code']}: {error['message']}")
    return exit_code_of(err)


app = typer.Typer(
    name="assay",
    cls=AssayGroup,
    help="Strikes a hallmark on every generated image, and tests every image that arrives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(keys.app, name="keys")
app.command()(stamp)
app.command()(derive)
app.command()(redact)
app.command()(check)
app.command()(conformance)
app.command()(score)
app.command()(generate)
app.command()(serve)
app.command()(worker)
app.add_typer(report.app, name="report")
app.add_typer(trust.app, name="trust")
app.add_typer(tokens.app, name="tokens")


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Strikes a hallmark on every generated image, and tests every image that arrives."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"assay {installed('assay')}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line and exit."""
    app()
    raise AssertionError("the command line ends by exiting")


if __name__ == "__main__":
    main()
