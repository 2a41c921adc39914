"""What a record says in XMP, property by property: IPTC's AI fields, the label of GB 45438, and PLUS Data Mining.

Together with the time and the instance id they are California's latent disclosure as well: provider (ContentProducer), system
and its version (AISystemUsed, AISystemVersionUsed), time (CreateDate), unique id (InstanceID, ProduceID), and whether the image
was created or altered (DigitalSourceType).

Source: IPTC Photo Metadata Standard 2025.1, IPTC Extension (AI System Used, AI System Version Used, AI Prompt Information,
Digital Source Type); GB 45438-2025, annexes E and F (implicit label of files: `AIGC` in XMP namespace TC260); PLUS License Data
Format 2.0, Data Mining; California Business and Professions Code 22757.3 (as enacted by SB 942).
"""

from __future__ import annotations

import json
import re
from typing import Final

from provenance.evidence import Permission, Use
from provenance.generation import GenerationRecord
from provenance.metadata.xmp import IPTC_EXTENSION, PLUS, TC260, XMP_BASIC, XMP_MEDIA, Property

AIGC_KEYWORD: Final = "AIGC"
"""PNG text keyword under which the label of GB 45438 is kept besides XMP."""
PLUS_VOCABULARY: Final = "http://ns.useplus.org/ldf/vocab/"

_GENERATED: Final = "1"
"""GB 45438 `Label`: 1 is generated; 2 (possibly) and 3 (suspected) are for platforms that find a file."""
_PROHIBITED: Final = (
    # Widest first: a ban of all mining holds for training too.
    (Use.DATA_MINING, "DMI-PROHIBITED"),
    (Use.AI_TRAINING, "DMI-PROHIBITED-AIMLTRAINING"),
    (Use.AI_GENERATIVE_TRAINING, "DMI-PROHIBITED-GENAIMLTRAINING"),
)


def properties(record: GenerationRecord, *, instance_id: str, software: str) -> tuple[Property, ...]:
    """What is declared of `record`; no prompt where it has none.

    Args:
        record: What made the image.
        instance_id: Unique id of this very file, such as "xmp.iid:" and a UUID.
        software: Name and version of what writes the file, such as "assay 0.1.0".
    """
    version = record.model_version or (f"sha256:{record.model_sha256}" if record.model_sha256 else None)
    prompts = [record.prompt, f"Negative prompt: {record.negative_prompt}" if record.negative_prompt is not None else None]
    prompt = "\n".join(text for text in prompts if text is not None)
    found = [
        Property(IPTC_EXTENSION, "DigitalSourceType", str(record.digital_source_type)),
        Property(IPTC_EXTENSION, "AISystemUsed", record.model),
        Property(IPTC_EXTENSION, "AISystemVersionUsed", version or ""),
        Property(IPTC_EXTENSION, "AIPromptInformation", prompt),
        Property(XMP_BASIC, "CreatorTool", software),
        Property(XMP_BASIC, "CreateDate", record.created_at.isoformat(timespec="seconds")),
        Property(XMP_MEDIA, "InstanceID", instance_id),
        Property(TC260, "AIGC", aigc_label(record, instance_id=instance_id)),
        Property(PLUS, "DataMining", _data_mining(record) or ""),
        Property(PLUS, "OtherConstraints", _constraints(record)),
    ]
    return tuple(p for p in found if p.value)


def aigc_label(record: GenerationRecord, *, instance_id: str) -> str:
    """The implicit label of GB 45438 as JSON, in ASCII so that no chunk or tag needs another encoding.

    The fields of the propagator are the platform's to fill in and stay empty, as do the reserved ones.
    """
    label = {
        "Label": _GENERATED,
        "ContentProducer": record.provider,
        "ProduceID": re.sub(r"^xmp[.:]iid:", "", instance_id),
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    return json.dumps(label, separators=(",", ":"))


def _data_mining(record: GenerationRecord) -> str | None:
    """The one code of PLUS that says the most of what is wished; what it cannot say is in the manifest."""
    wishes = {wish.use: wish.permission for wish in record.wishes}
    if Permission.CONSTRAINED in wishes.values():
        return PLUS_VOCABULARY + "DMI-PROHIBITED-SEECONSTRAINT"
    for use, code in _PROHIBITED:
        if wishes.get(use) is Permission.NOT_ALLOWED:
            return PLUS_VOCABULARY + code
    # "Allowed" has no exceptions in PLUS: it is said only where nothing is refused.
    allowed = wishes.get(Use.DATA_MINING) is Permission.ALLOWED and set(wishes.values()) == {Permission.ALLOWED}
    return PLUS_VOCABULARY + "DMI-ALLOWED" if allowed else None


def _constraints(record: GenerationRecord) -> str:
    """The terms of uses that are constrained, those refused beside them included: PLUS has one code for all."""
    if all(wish.permission is not Permission.CONSTRAINED for wish in record.wishes):
        return ""
    said = [f"{w.use.removeprefix('cawg.')}: {w.constraint or w.permission.value}" for w in record.wishes]
    return "; ".join(said)
