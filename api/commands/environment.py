"""What commands share: settings, and the signer that the command line falls back to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from provenance.errors import UsageInvalid

if TYPE_CHECKING:
    from api.settings import Settings

DEVELOPMENT_SIGNER: Final = "development:"
DEVELOPMENT_NOTE: Final = "signed with the development credential of this installation: it proves nothing to anyone else"


def load_settings(**chosen: Any) -> Settings:  # noqa: ANN401  # each field has a type of its own; pydantic checks it
    """Settings from the environment, with what options of the command line say on top; None means not said.

    Raises:
        UsageInvalid: A variable or an option has a value that does not fit.
    """
    from pydantic import ValidationError

    from api.settings import Settings

    try:
        return Settings(**{name: value for name, value in chosen.items() if value is not None})
    except (ValidationError, ValueError) as err:
        raise UsageInvalid(_wording(err)) from err


def with_trust(settings: Settings, files: Sequence[Path] | None) -> Settings:
    """These settings, with more PEM files of trust anchors for signers.

    Raises:
        UsageInvalid: A path starts with "~" and a name that nobody here has.
    """
    try:
        more = [path.expanduser().absolute() for path in files or ()]
    except RuntimeError as err:
        raise UsageInvalid(f"--trust: {err}") from err
    return settings.model_copy(update={"trust_files": tuple(dict.fromkeys((*settings.trust_files, *more)))})


def load_signing_settings(**chosen: Any) -> Settings:  # noqa: ANN401  # as above
    """As `load_settings`, with the development credential where neither an option nor the environment names a signer."""
    settings = load_settings(**chosen)
    return settings if settings.signer_uri else settings.model_copy(update={"signer_uri": DEVELOPMENT_SIGNER})


def _wording(err: Exception) -> str:
    from pydantic import ValidationError

    if not isinstance(err, ValidationError):
        return f"settings: {err}"
    problems = err.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(str(part) for part in p['loc'])}: {p['msg']}" for p in problems)
