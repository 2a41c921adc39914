from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from provenance.asset import Asset
from provenance.errors import AssetUnreadable, DetectorError, ExaminerError, StorageError
from provenance.evidence import Evidence, Outcome, StatusEvidence
from provenance.inspection import inspect
from provenance.verdict import Conclusion, ExitCode, VerdictPolicy
from tests.assets.pictures import encoded

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FOUND = StatusEvidence("marks", "marks.absent", Outcome.INFORMATIONAL)


class Finds:
    """An examiner that finds what it was told to."""

    def __init__(self, name: str, *found: Evidence) -> None:
        self.name = name
        self._found = found

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        return list(self._found)


class Fails:
    """An examiner that raises."""

    name = "broken@1"

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        raise self._failure


def test_report_names_everything_that_took_part() -> None:
    asset = encoded()
    report = inspect(asset, [Finds("marks", FOUND), Finds("c2pa")], VerdictPolicy(), at=AT, versions={"trust": "1"})
    assert (report.asset_sha256, report.media_type, report.asset_bytes) == (asset.sha256, "image/png", len(asset.data))
    assert report.examiners == ("marks", "c2pa")
    assert report.evidence == (FOUND,)
    assert (report.policy_version, report.versions, report.inspected_at) == ("2", {"trust": "1"}, AT)


@pytest.mark.parametrize(
    ("failure", "explanation"),
    [
        (ExaminerError("no luck"), "examiner.failed: no luck"),
        (DetectorError("no weights in /srv"), "detector.failed: A detector that cannot be loaded or run."),
        (StorageError("/srv is full"), "storage.failed: The place that keeps objects or results failed; nothing was kept."),
        (AssetUnreadable("truncated"), "asset.unreadable: truncated"),
        (FileNotFoundError(2, "No such file", "/srv/model.onnx"), "FileNotFoundError: not foreseen; the log has the rest"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: not foreseen; the log has the rest"),
        (MemoryError(), "MemoryError: not foreseen; the log has the rest"),
    ],
)
def test_a_failing_examiner_becomes_unavailable_evidence(failure: Exception, explanation: str) -> None:
    report = inspect(encoded(), [Fails(failure), Finds("marks", FOUND)], VerdictPolicy(), at=AT)
    assert report.evidence == (
        StatusEvidence("broken@1", "examiner.unavailable", Outcome.UNAVAILABLE, explanation=explanation),
        FOUND,
    )
    assert report.verdict.conclusion is Conclusion.INCONCLUSIVE
    assert report.verdict.exit_code is ExitCode.UNAVAILABLE


def test_what_a_report_withholds_the_log_has(caplog: pytest.LogCaptureFixture) -> None:
    inspect(encoded(), [Fails(DetectorError("no weights in /srv"))], VerdictPolicy(), at=AT)
    inspect(encoded(), [Fails(ZeroDivisionError("division by zero"))], VerdictPolicy(), at=AT)
    inspect(encoded(), [Fails(AssetUnreadable("truncated"))], VerdictPolicy(), at=AT)
    assert [record.name for record in caplog.records] == ["assay.inspection"] * 2
    assert "detector.failed: no weights in /srv" in caplog.records[0].message
    assert caplog.records[1].exc_info is not None
    assert "ZeroDivisionError: division by zero" in caplog.text


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_an_interruption_is_nobodys_finding(interruption: BaseException) -> None:
    with pytest.raises(type(interruption)):
        inspect(encoded(), [Fails(interruption)], VerdictPolicy(), at=AT)


def test_an_examiner_that_fails_half_way_keeps_nothing() -> None:
    class HalfWay:
        name = "half@1"

        def examine(self, asset: Asset) -> Sequence[Evidence]:
            def found() -> object:
                yield FOUND
                raise ExaminerError("half way")

            return found()  # type: ignore[return-value]

    (only,) = inspect(encoded(), [HalfWay()], VerdictPolicy(), at=AT).evidence
    assert isinstance(only, StatusEvidence)
    assert only.outcome is Outcome.UNAVAILABLE


def test_no_examiners_are_refused() -> None:
    with pytest.raises(ValueError, match="without examiners"):
        inspect(encoded(), [], VerdictPolicy(), at=AT)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        inspect(encoded(), [Finds("marks")], VerdictPolicy(), at=datetime(2026, 11, 22))  # noqa: DTZ001


def test_any_zone_will_do() -> None:
    at = AT.astimezone(timezone(timedelta(hours=9)))
    assert inspect(encoded(), [Finds("marks")], VerdictPolicy(), at=at).inspected_at == AT
