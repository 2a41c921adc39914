"""The built assets and the README that says what each one gets wrong, kept in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provenance.asset import Asset
from provenance.errors import AssayError
from provenance.evidence import StatusEvidence, Tier, failure_codes
from provenance.metadata.marks import MarksExaminer
from provenance.pixels import decode
from provenance.reader import C2paExaminer
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.verdict import VerdictPolicy
from tests.assets.authorities import timestamping_authority
from tests.assets.build_assets import ASSETS, build
from tests.assets.chains import sound_chain
from tests.assets.claims import old_root

TRUST = TrustStore(
    (
        *sound_chain().trust().lists,
        TrustList("old", TrustPurpose.SIGNERS, Tier.CURRENT, old_root().pem),
        TrustList("stampers", TrustPurpose.TIMESTAMPS, Tier.CURRENT, timestamping_authority().root_pem),
    )
)
README = Path(__file__).resolve().parents[1] / "assets" / "README.md"
ROWS = dict(re.findall(r"^\| `([^`]+)` \| .* \| (.*) \|$", README.read_text(), re.MULTILINE))


def answer(data: bytes) -> str:
    """What became of an asset, in the README's words."""
    try:
        asset = Asset.from_bytes(data)
        evidence = [*C2paExaminer(TRUST).examine(asset), *MarksExaminer().examine(asset)]
        decode(asset)
    except AssayError as err:
        return f"refused: `{err.code}`"
    verdict = VerdictPolicy().decide(evidence)
    state = (verdict.state or "unknown").replace("_", " ")
    codes = ", ".join(f"`{code}`" for code in sorted(failure_codes(evidence)))
    if verdict.conclusion == "altered":
        return f"altered: {codes}"
    dissent = ", ".join(f"`{e.code}`" for e in verdict.dissent if isinstance(e, StatusEvidence))
    return f"{state}, {verdict.conclusion.replace('_', ' ')}" + (f", with dissent: {dissent}" if dissent else "")


def test_readme_names_every_asset() -> None:
    assert list(ROWS) == list(ASSETS)


@pytest.mark.parametrize(
    "name", [name for name in ASSETS if re.match(r"(trusted|absent|altered:|unknown|invalid)|refused: ", ROWS[name])]
)
def test_asset_is_answered_as_the_readme_says(name: str) -> None:
    assert answer(ASSETS[name]()) == ROWS[name]


def test_everything_is_written(tmp_path: Path) -> None:
    assert [path.name for path in build(tmp_path / "assets")] == sorted(ASSETS)
