"""The parsers of one command: started before anything else is loaded, ended with the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from api.settings import Settings
    from provenance.isolation.parsers import Parsers


def begin_parsing(context: typer.Context) -> Callable[[Settings], Parsers]:
    """Start a parser, which loads its libraries while this process loads its own.

    Args:
        context: Of the command; parsers end when it is left, however that is.

    Returns:
        Makes the pool, once settings are known; raises what `composition.build_parsers` does.
    """
    from provenance.isolation.process import ParserProcess

    first = ParserProcess()
    context.call_on_close(first.end)

    def parsers_for(settings: Settings) -> Parsers:
        from api import composition

        parsers = composition.build_parsers(settings, first=first)
        context.call_on_close(parsers.close)
        return parsers

    return parsers_for
