"""Read what a parser answered: evidence of the examiners that were asked, and pixels of the size that was allowed.

The parser may have been taken over by what it parsed. Its answer is believed about the asset it was given and about nothing
else: other examiners' names, other kinds of evidence, sizes that do not add up and whatever has another form end the parser.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from provenance.errors import AssayError, AssetError, ExaminerCrashed, ExaminerError
from provenance.evidence import C2PA_EXAMINER, IDENTITY_EXAMINER, DeclarationEvidence, Evidence, StatusEvidence
from provenance.isolation.frames import Frame
from provenance.isolation.wire import from_plain
from provenance.pixels import PixelArray

_KINDS: Final = {"status": StatusEvidence, "declaration": DeclarationEvidence}
_MAX_MESSAGE_CHARACTERS: Final = 1000
_MAX_EVIDENCE: Final = 5000
_ALSO_SPEAKS_AS: Final = {C2PA_EXAMINER: IDENTITY_EXAMINER}
"""Identity assertions lie in the manifest: who reads it reads them."""

logger = logging.getLogger("assay.isolation")


@dataclass(frozen=True, slots=True)
class Look:
    """What one trip brought back."""

    found: Mapping[str, tuple[Evidence, ...] | AssayError]
    """Of each examiner that was asked: its evidence, or why there is none."""
    _pixels: PixelArray | AssayError | None

    def evidence(self, examiner: str) -> Sequence[Evidence]:
        """What this examiner found.

        Raises:
            AssetError, ExaminerError: It could not run.
        """
        found = self.found[examiner]
        if isinstance(found, AssayError):
            raise found
        return found

    def pixels(self) -> PixelArray:
        """RGB pixels, shape (height, width, 3), read-only; only of a trip that was to bring them.

        Raises:
            AssetError: They could not be decoded.
        """
        self.require_decoded()
        if not isinstance(self._pixels, np.ndarray):
            raise ValueError("nobody asked for the pixels")
        return self._pixels

    def require_decoded(self) -> None:
        """Return only if decoding, where it was asked for, went well.

        Raises:
            AssetError: It did not.
        """
        if isinstance(self._pixels, AssayError):
            raise self._pixels


def read_answer(answer: Frame, examiners: Sequence[str], *, max_pixels: int, pixels: str) -> Look:
    """The look that `answer` tells of.

    Args:
        answer: What arrived.
        examiners: Who was asked.
        max_pixels: Most pixels there may be.
        pixels: As in `Parsers.look`.

    Raises:
        AssetError: The header was refused.
        ExaminerCrashed: This is no answer to what was asked.
    """
    try:
        document = answer.document
        if "refused" in document:
            raise _error(document["refused"])
        found = document["found"]
        if list(found) != list(examiners):
            raise ValueError("other examiners than were asked")
        return Look({name: _found(name, found[name]) for name in examiners}, _pixels(answer, max_pixels, pixels))
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise ExaminerCrashed("the parser's answer had no sound form") from err


def _found(name: str, values: Mapping[str, Any]) -> tuple[Evidence, ...] | AssayError:
    if "error" in values:
        return _error(values["error"])
    if "defect" in values:
        kind, trace = str(values["defect"]["type"])[:100], str(values["defect"]["trace"])
        logger.error("%s failed in a parser: %r", name, trace)  # as a literal: the trace may quote the asset
        return ExaminerError(f"{_plain(kind)}: not foreseen; the log has the rest")
    return tuple(_evidence(name, values["evidence"]))


def _evidence(name: str, items: Sequence[Any]) -> Iterator[Evidence]:
    if len(items) > _MAX_EVIDENCE:
        raise ValueError("too much evidence")
    for kind, values in items:
        item: Evidence = from_plain(_KINDS[kind], values)
        if item.examiner not in (name, _ALSO_SPEAKS_AS.get(name)):
            raise ValueError(f"evidence in the name of {item.examiner}")
        yield item


def _pixels(answer: Frame, max_pixels: int, pixels: str) -> PixelArray | AssayError | None:
    if pixels == "none":
        return None
    values = answer.document["pixels"]
    if "error" in values:
        return _error(values["error"])
    if pixels == "decode":
        return None
    height, width = values["height"], values["width"]
    if type(height) is not int or type(width) is not int or height < 1 or width < 1:
        raise ValueError("no shape")
    if height * width > max_pixels or height * width * 3 != len(answer.blob):
        raise ValueError("pixels of another size")
    array = np.frombuffer(answer.blob, dtype=np.uint8).reshape(height, width, 3)
    array.flags.writeable = False
    return array


def _error(values: Mapping[str, Any]) -> AssayError:
    """The error of this code, if it is one that speaks of an asset."""
    code, message = values["code"], _plain(str(values["message"])[:_MAX_MESSAGE_CHARACTERS])
    classes: list[type[AssayError]] = [AssetError, ExaminerError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return next((cls(message) for cls in classes if cls.code == code), ExaminerError(message))


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
