"""PKCS #11 modules of this process, and the tokens it is logged in to.

A module is loaded once in a process and started anew in a forked child. It is started without asking it for locks, so every
call into any of them is made under `lock`. A token is logged in to once, for the first signature. A PIN that it refused is
never tried again by this process: three refusals lock a token.

Source: PKCS #11 Cryptographic Token Interface Base Specification 2.40, "General-purpose functions"; python-pkcs11 0.10.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from provenance.errors import (
    CredentialKeyUnfit,
    CredentialMissing,
    CredentialRefused,
    SignerUnavailable,
    SignerUnsupported,
)
from provenance.keys.pkcs11_uri import Pkcs11Uri

_REFUSALS: Final = ("PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked", "PinExpired", "UserPinNotInitialized")
_MISSES: Final = ("NoSuchKey", "MultipleObjectsReturned", "MultipleTokensReturned")
_UNFIT: Final = ("MechanismInvalid", "MechanismParamInvalid", "KeyTypeInconsistent", "KeySizeRange", "FunctionNotSupported")

lock = threading.RLock()
"""Held during every call into any module, and while what follows is looked at."""
_modules: dict[Path, Any] = {}
_sessions: dict[tuple[Path, str | None, str | None], Any] = {}
"""The session of each token that is logged in to."""
_refused_pins: set[tuple[Path, str | None, str | None, bytes]] = set()
_process: list[int] = [os.getpid()]


def _key(uri: Pkcs11Uri) -> tuple[Path, str | None, str | None]:
    return uri.module_path, uri.token, uri.serial


def start_anew(uri: Pkcs11Uri) -> None:
    """End and start the module: its sessions are gone then, and tokens that were plugged in meanwhile are seen."""
    module = _modules.get(uri.module_path)
    if module is not None:
        for key in [key for key in _sessions if key[0] == uri.module_path]:
            del _sessions[key]
        with translated(uri):
            module.reinitialize()


def logged_in(uri: Pkcs11Uri) -> Any:  # noqa: ANN401  # python-pkcs11's session
    """The session of the token, opened and logged in to if it is not."""
    _after_fork()
    session = _sessions.get(_key(uri))
    if session is None:
        import pkcs11

        pin = uri.pin()
        attempt = (*_key(uri), hashlib.sha256((pin or "").encode()).digest())
        if attempt in _refused_pins:
            raise CredentialRefused("the token refused this PIN before; it is not tried again before the process is restarted")
        try:
            session = token_of(uri).open(user_pin=pin)
        except pkcs11.UserAlreadyLoggedIn:
            session = token_of(uri).open()
        except tuple(getattr(pkcs11, name) for name in _REFUSALS):
            _refused_pins.add(attempt)
            raise
        _sessions[_key(uri)] = session
    return session


def token_of(uri: Pkcs11Uri) -> Any:  # noqa: ANN401  # python-pkcs11's token
    """The token, which nobody need be logged in to."""
    serial = uri.serial.encode() if uri.serial is not None else None
    return _module(uri.module_path).get_token(token_label=uri.token, token_serial=serial)


def _module(path: Path) -> Any:  # noqa: ANN401  # python-pkcs11's library
    _after_fork()
    if path not in _modules:
        import pkcs11

        if not path.is_file():
            raise SignerUnsupported(f"there is no PKCS #11 module at {path}")
        try:
            _modules[path] = pkcs11.lib(str(path))
        except pkcs11.PKCS11Error as err:
            if type(err) is pkcs11.PKCS11Error:  # of no kind of its own: the library could not even be loaded
                raise SignerUnsupported(f"{path} cannot be loaded as a PKCS #11 module: {err}") from err
            raise
    return _modules[path]


def _after_fork() -> None:
    """Start modules anew in a child: PKCS #11 asks for it, and sessions are the parent's."""
    if _process[0] != os.getpid():
        _process[0] = os.getpid()
        _sessions.clear()
        for module in _modules.values():
            module.reinitialize()


@contextmanager
def translated(uri: Pkcs11Uri) -> Iterator[None]:
    """Errors of python-pkcs11 leave as ours; none of them carries the PIN.

    Raises:
        SignerUnavailable: The token is not there, or failed.
        CredentialInvalid: It refused; the class and its code say why.
    """
    try:
        import pkcs11
    except ImportError as err:
        raise SignerUnsupported("keys on PKCS #11 tokens need the extra `pkcs11`: pip install 'assay[pkcs11]'") from err
    token = uri.token or uri.serial
    try:
        yield
    except pkcs11.PKCS11Error as err:
        kind = type(err).__name__
        said = f"{kind}: {err}" if str(err) else kind
        if kind in _REFUSALS:
            raise CredentialRefused(f"token {token} does not let us in: {said}") from err
        if kind in _MISSES:
            raise CredentialMissing(f"token {token}: {said}") from err
        if kind in _UNFIT:
            raise CredentialKeyUnfit(f"token {token} cannot sign with this key: {said}") from err
        raise SignerUnavailable(f"token {token}: {said}") from err
