from __future__ import annotations

from pathlib import Path

from api.jobs import JobTable
from api.metrics import Metrics
from api.storage import LocalObjects


def test_a_method_that_a_client_made_up_gets_no_label_of_its_own(database, tmp_path: Path):
    metrics = Metrics(JobTable(database, LocalObjects.open(tmp_path / "objects")))
    for number in range(3):
        metrics.request_answered(f"MADE-UP-{number}", "/v1/checks", 405, 0.001)
    text = metrics.exposition().decode()
    assert 'assay_http_requests_total{method="other",route="/v1/checks",status="405"} 3.0' in text
    assert "MADE-UP" not in text
