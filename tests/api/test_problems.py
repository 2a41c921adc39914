from __future__ import annotations

import re
from pathlib import Path

import pytest

import api
from api.problems import MAX_DETAIL_CHARACTERS, STATUS_OF_CODE, Problem, ProblemError, descriptions, problem_of
from provenance.errors import (
    AccessUnauthenticated,
    AssayError,
    AssetTooLarge,
    CredentialMissing,
    SignerUnavailable,
    StorageError,
)


def codes() -> set[str]:
    classes = [AssayError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    return {cls.code for cls in classes if cls.__module__ == "provenance.errors"}


def test_every_code_of_the_tree_has_a_status_and_no_other_has():
    assert set(STATUS_OF_CODE) == codes() - {"assay.failed"}


def test_every_code_is_described_with_its_status():
    described = {code: status for code, status, _ in descriptions()}
    assert codes() <= set(described)
    assert described["asset.too_large"] == 413
    assert all(text for _, _, text in descriptions())


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (AssetTooLarge("9 bytes"), 413, {}),
        (StorageError("No space left on device"), 507, {}),
        (SignerUnavailable("timeout"), 503, {"Retry-After": "30"}),
        (CredentialMissing("nothing in /secret/path"), 503, {}),
        (AccessUnauthenticated("no key"), 401, {"WWW-Authenticate": "Bearer"}),
        (ProblemError(409, "job.unfinished", "later", {"Retry-After": "1"}), 409, {"Retry-After": "1"}),
        (RuntimeError("inside"), 500, {}),
    ],
)
def test_an_error_becomes_its_status_and_headers(error, status, headers):
    problem = problem_of(error)
    assert (problem.status, dict(problem.headers)) == (status, headers)


def test_a_failure_of_the_inside_names_no_path_and_a_failure_of_the_request_says_what_is_wrong():
    assert "/secret" not in problem_of(CredentialMissing("nothing in /secret/path")).detail
    assert problem_of(AssetTooLarge("the asset has 9 bytes, the limit is 8")).detail == "the asset has 9 bytes, the limit is 8"
    assert "inside" not in problem_of(RuntimeError("deep inside /etc")).document()["detail"].replace("is in its log", "")


def test_a_long_detail_is_cut():
    assert len(Problem(422, "x.y", "a" * 10_000).document()["detail"]) == MAX_DETAIL_CHARACTERS


def test_every_problem_that_exists_in_http_only_is_described_with_the_status_it_is_raised_with():
    described = {code: status for code, status, _ in descriptions()}
    raised = {
        (code, int(status))
        for source in Path(api.__path__[0]).rglob("*.py")
        for status, code in re.findall(r'Problem(?:Error)?\(\s*(\d{3}), "([a-z_.]+)"', source.read_text("utf-8"))
    }
    assert len(raised) > 10
    assert {code: described.get(code) for code, _ in raised} == dict(raised)
