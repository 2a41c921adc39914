"""`assay check`: what images declare, whether it holds, and what their pixels look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.environment import load_settings, load_signing_settings, with_trust
from api.commands.files import read_asset, read_bytes
from api.commands.outcome import emit, exit_code_of, failures, say_error, worst
from api.commands.parsing import begin_parsing
from api.commands.progress import progress
from provenance.errors import FetchRefused, UsageInvalid

if TYPE_CHECKING:
    from api.report_document import ReportDocument
    from api.settings import Settings
    from provenance.asset import Asset
    from provenance.inspection import Report
    from provenance.isolation.parsers import Parsers
    from provenance.metadata.tdmrep import Reservation

MAX_SIDECAR_BYTES = 32 * 2**20


def check(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Images; URLs only with --allow-url.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One report as JSON per file and line, errors included.")] = False,
    trust: Annotated[
        list[Path] | None, typer.Option(help="PEM file of trust anchors for signers, beside those installed.")
    ] = None,
    manifest: Annotated[Path | None, typer.Option(help="A manifest that came beside the (one) image.")] = None,
    examiners: Annotated[str | None, typer.Option(help="Who looks, such as c2pa,marks; everyone by default.")] = None,
    sign_report: Annotated[bool, typer.Option("--sign-report", help="Sign each report (with --json).")] = False,
    signer: Annotated[str | None, typer.Option(help="Who signs reports: file:DIR or development: (the default).")] = None,
    allow_url: Annotated[
        bool, typer.Option("--allow-url", help="Take http and https URLs, from public addresses only.")
    ] = False,
) -> None:
    """Check images: declared, trusted, altered, likely synthetic, or inconclusive.

    The detector and pixel-marks decode the pixels. Of an image that is cut short they say unavailable: asset.unreadable, exit
    code 2; without them (--examiners c2pa,marks) nobody looks that far, and such an image may end with 0.

    Exit code: 0 no finding, 1 altered or synthetic, 2 inconclusive because an examiner was unavailable, 3 error. Over many
    files: 3 if any failed, else 1 if there is any finding, else 2, else 0.
    """
    parsers_for = begin_parsing(context)
    with failures(as_json=as_json, paths=files):
        if manifest is not None and len(files) > 1:
            raise UsageInvalid("--manifest belongs to one image; check the others on their own")
        if sign_report and not as_json:
            raise UsageInvalid("--sign-report needs --json: the signature is over the JSON")
        load = load_signing_settings if sign_report else load_settings
        settings = with_trust(load(signer_uri=signer), trust)
        inspect_one = _inspector(settings, parsers_for(settings), examiners, manifest)
        finish = _finisher(settings) if sign_report else None
    from api.report_document import ReportDocument

    codes = []
    reports: list[tuple[str, ReportDocument]] = []
    with progress(len(files)) as step:
        for path in files:
            try:
                report = inspect_one(*_asset(path, settings, allow_url=allow_url))
                document = ReportDocument.from_report(report, path=path)
                document = finish(document) if finish else document
            except Exception as err:  # one bad file must not cost the others; MemoryError included
                codes.append(exit_code_of(err))
                say_error(path, err, as_json=as_json)
            else:
                codes.append(report.verdict.exit_code)
                if as_json:
                    emit(document.as_dict())
                else:
                    reports.append((path, document))
            step()
    if reports:
        from api.commands.tables import print_reports

        print_reports(reports)
    raise typer.Exit(worst(codes))


def _inspector(
    settings: Settings, parsers: Parsers, names: str | None, manifest: Path | None
) -> Callable[[Asset, Reservation | None], Report]:
    from api import composition

    sidecar = read_bytes(manifest, max_bytes=MAX_SIDECAR_BYTES) if manifest is not None else None
    wanted: Sequence[str] | None = settings.examiners
    if names is not None:
        wanted = [name.strip() for name in names.split(",") if name.strip()]
    looking = composition.build_examiners(settings, parsers, wanted)
    policy, versions = composition.policy(), composition.versions(settings)

    def inspect_one(asset: Asset, reservation: Reservation | None) -> Report:
        return composition.check(
            asset,
            looking,
            policy,
            parsers=parsers,
            at=datetime.now(UTC),
            max_pixels=settings.max_asset_pixels,
            versions=versions,
            sidecar=sidecar,
            remote=composition.remote_fetcher(settings),
            reservation=reservation,
        )

    return inspect_one


def _finisher(settings: Settings) -> Callable[[ReportDocument], ReportDocument]:
    from api import composition
    from api.report_signature import sign_report

    signer = composition.build_signer(settings)
    signer.credential.require_current(datetime.now(UTC))
    return lambda document: sign_report(document, signer, at=datetime.now(UTC))


def _asset(path: str, settings: Settings, *, allow_url: bool) -> tuple[Asset, Reservation | None]:
    if not path.lower().startswith(("http://", "https://")):
        return read_asset(Path(path), max_bytes=settings.max_asset_bytes), None
    if not allow_url:
        raise FetchRefused("URLs are taken with --allow-url only")
    from api.reservations import fetch_asset
    from provenance.asset import Asset

    fetched = fetch_asset(path, settings)
    return Asset.from_bytes(fetched.data, max_bytes=settings.max_asset_bytes), fetched.reservation
