"""Check the signature NovelAI makes over an image's pixels and parameters.

The comment is a JSON object; its `signed_hash` is an Ed25519 signature over the RGB bytes, row by row, followed by the comment
without `signed_hash` as Python's `json.dumps` writes it (separators ", " and ": ", non-ASCII escaped, members in their order).
It holds for these very pixels only: any re-encoding that is not lossless breaks it, and so does any edit of the comment.

Source: NovelAI/novelai-image-metadata, `nai_sig.py`, which also holds the public key.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.metadata.mark_readers import json_object
from provenance.metadata.stored_samples import SampleArray

NOVELAI_KEY: Final = base64.b64decode("Y2JcQAOhLwzwSDUJPNgL04nS0Tbqm7cSRc4xk0vRMic=")
"""NovelAI's public key, 32 bytes."""


def signed_comment(text: str) -> dict[str, Any] | None:
    """The comment in `text` if it carries a signature, or None; a comment within a comment is unwrapped once."""
    comment = json_object(text)
    nested = comment.get("Comment") if comment else None
    if isinstance(nested, str):
        comment = json_object(nested)
    return dict(comment) if comment and isinstance(comment.get("signed_hash"), str) else None


def signature_holds(comment: dict[str, Any], samples: SampleArray, public_key: bytes = NOVELAI_KEY) -> bool:
    """Whether the signature in `comment` is over these samples and this comment.

    Args:
        comment: From `signed_comment`.
        samples: As stored, shape (height, width, 3 or 4); alpha is not signed.
        public_key: Ed25519, 32 bytes.
    """
    rest = {key: value for key, value in comment.items() if key != "signed_hash"}
    written = np.frombuffer(json.dumps(rest).encode("ascii"), dtype=np.uint8)
    height, width = samples.shape[:2]
    message = np.empty(height * width * 3 + written.size, dtype=np.uint8)  # filled in place: the largest asset has 150 MB
    message[: height * width * 3].reshape(height, width, 3)[:] = samples[..., :3]
    message[height * width * 3 :] = written
    try:
        signature = base64.b64decode(comment["signed_hash"])
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message.data)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
