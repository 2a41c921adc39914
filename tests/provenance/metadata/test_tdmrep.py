"""What a server reserves: its header first, then the first rule whose pattern matches; and never an obstacle to a verdict."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.evidence import (
    DeclarationEvidence,
    Examiner,
    Forgeability,
    Layer,
    Outcome,
    Permission,
    StatusEvidence,
    UsageWish,
    Use,
)
from provenance.metadata.tdmrep import (
    MAX_FILE_BYTES,
    MAX_PATH,
    Reservation,
    Rule,
    TdmrepExaminer,
    file_reservation,
    first_rule,
    header_reservation,
)
from provenance.status_codes import TDM_ABSENT, TDM_MALFORMED
from provenance.verdict import ExitCode, VerdictPolicy

ASSET = Asset(b"", "image/png", "0" * 64)
EXAMPLE = [
    {"location": "/directory-a/", "tdm-reservation": 1},
    {"location": "/directory-b/html/", "tdm-reservation": 1, "tdm-policy": "https://provider.com/policies/policy.json"},
    {"location": "/directory-b/images/*.jpg", "tdm-reservation": 0},
]
NOT_ALLOWED = (UsageWish(Use.DATA_MINING, Permission.NOT_ALLOWED),)


def examined(path: str, rules: object = None, **headers: str) -> list[object]:
    said = header_reservation({f"tdm-{name}": value for name, value in headers.items()})
    if said is None and rules is not None:
        said = file_reservation(rules if isinstance(rules, bytes) else json.dumps(rules).encode(), path)
    examiner: Examiner = TdmrepExaminer(said or Reservation())
    return list(examiner.examine(ASSET))


def wishes(*args: object, **headers: str) -> tuple[UsageWish, ...]:
    return tuple(w for e in examined(*args, **headers) if isinstance(e, DeclarationEvidence) for w in e.wishes)


def location(path: str, *patterns: str) -> str | None:
    rule = first_rule(json.dumps([{"location": pattern, "tdm-reservation": 1} for pattern in patterns]).encode(), path)
    return rule.location if rule else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/directory-a/x.pdf", NOT_ALLOWED),
        (
            "/directory-b/html/x.html",
            (UsageWish(Use.DATA_MINING, Permission.CONSTRAINED, "https://provider.com/policies/policy.json"),),
        ),
        ("/directory-b/images/a/x.jpg", (UsageWish(Use.DATA_MINING, Permission.ALLOWED),)),
        ("/directory-b/images/x.png", ()),
        ("/", ()),
        ("/Directory-a/x.pdf", ()),
    ],
)
def test_the_example_of_the_specification(path, expected):
    assert wishes(path, EXAMPLE) == expected


def test_a_wish_says_where_it_was_and_that_it_is_text():
    assert examined("/directory-a/x.jpg", EXAMPLE) == [
        DeclarationEvidence(
            "tdmrep",
            Layer.METADATA,
            Forgeability.TEXT,
            wishes=NOT_ALLOWED,
            locator="/.well-known/tdmrep.json: /directory-a/",
        )
    ]


def test_the_header_supersedes_the_file():
    (declared,) = examined("/directory-a/x.jpg", EXAMPLE, reservation="0")
    assert (declared.wishes, declared.locator) == ((UsageWish(Use.DATA_MINING, Permission.ALLOWED),), "HTTP:tdm-reservation")
    assert wishes("/", None, reservation="1") == NOT_ALLOWED
    assert wishes("/", None, reservation="1", policy="https://p") == (
        UsageWish(Use.DATA_MINING, Permission.CONSTRAINED, "https://p"),
    )


def test_a_header_that_is_a_protocol_error_leaves_the_file_in_force():
    assert wishes("/directory-a/x.jpg", EXAMPLE, reservation="2") == NOT_ALLOWED


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("/a/b", "/", True),
        ("/a/b", "/a", True),
        ("/abc", "/a", True),
        ("/a/b", "/a/b$", True),
        ("/a/bc", "/a/b$", False),
        ("/a/b", "/b", False),
        ("/x/this/y/then/z", "/x/*/then", True),
        ("/x/this/y/then/z", "/x/*/then$", False),
        ("/x/then/then", "/x/*then$", True),
        ("/a.jpg", "/*.jpg$", True),
        ("/a.jpg?size=2", "/*.jpg$", False),
        ("/a.jpg?size=2", "/*.jpg", True),
        ("/a.jpg.jpg", "/a*.jpg*.jpg$", True),
        ("/a.jpg", "/a*.jpg*.jpg$", False),
        ("/path/foo-$", "/path/foo-%24", True),
        ("/path/foo-%24", "/path/foo-%24$", True),
        ("/a*b", "/a%2ab", True),
        ("/%61%7E", "/a~", True),
        ("/a~", "/%61%7e", True),
        ("/a%2fb", "/a%2Fb", True),
        ("/a%2Fb", "/a/b", False),
        ("/", "", True),
        ("/ab", "/ab**$", True),
    ],
)
def test_patterns(path, pattern, matches):
    assert (location(path, pattern) == pattern) is matches


def test_the_first_that_matches_counts():
    assert location("/a/b/c", "/x", "/a", "/a/b/c") == "/a"


@pytest.mark.parametrize("rules", [[{"tdm-reservation": 1}], [7, None, "x"], [{"location": 1, "tdm-reservation": 1}], []])
def test_rules_that_are_none_are_passed_over(rules):
    assert examined("/a", rules) == [StatusEvidence("tdmrep", TDM_ABSENT, Outcome.INFORMATIONAL)]
    assert first_rule(json.dumps([*rules, {"location": "/", "tdm-reservation": 1}]).encode(), "/a") == Rule("/", "1", "")


@pytest.mark.parametrize("reservation", [True, False, None, 2, -1, "yes", 1.0, [], {}, [1], ["1"]])
def test_a_reservation_that_is_neither_1_nor_0_is_unset(reservation):
    assert wishes("/a", [{"location": "/", "tdm-reservation": reservation}]) == ()


@pytest.mark.parametrize(
    "rules", [b"", b"{}", b"null", b"\xff\xfe", b"[" * 100_000, b" " * (MAX_FILE_BYTES + 1), b'{"tdm-reservation": 1}']
)
def test_rules_that_cannot_be_read_are_said_and_are_no_obstacle(rules):
    (status,) = examined("/a", rules)
    assert (status.code, status.outcome) == (TDM_MALFORMED, Outcome.INFORMATIONAL)
    assert VerdictPolicy().decide([status]).exit_code is ExitCode.NO_FINDING


def test_many_asterisks_cost_one_pass():
    assert location("/" + "a" * (MAX_PATH - 1), "/" + "*a" * MAX_PATH + "b") is None


def test_a_path_that_a_redirect_made_long_is_not_matched():
    rules = json.dumps([{"location": "/", "tdm-reservation": 1}]).encode()
    assert first_rule(rules, "/" + "a" * (MAX_PATH - 1)) == Rule("/", "1", "")
    with pytest.raises(ValueError, match="the limit is"):
        first_rule(rules, "/" + "a" * MAX_PATH)


@given(st.binary(max_size=200), st.text(max_size=50))
def test_any_rules_and_any_path(rules, path):
    assert examined(path, rules)


@given(st.text("ab*$%2A/", max_size=12), st.text("ab*$%2A/", max_size=12))
def test_any_pattern_terminates_and_a_prefix_matches(path, pattern):
    location(path, pattern)
    assert location("/" + "".join(c for c in path if c in "ab/"), "/") == "/"
