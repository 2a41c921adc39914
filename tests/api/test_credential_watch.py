from __future__ import annotations

import base64
import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from api.credential_watch import CredentialWatch
from api.settings import Settings
from provenance.asset import Asset
from provenance.errors import CredentialMissing, CredentialUsageWrong, SignerUnavailable
from provenance.evidence import Tier
from provenance.generation import GenerationRecord
from provenance.reader import C2paExaminer
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.verdict import require_trusted
from tests.api.signers.fake_http import Asked, FakeServer, Said
from tests.assets.chains import NOW, TIME_STAMPING, Chain, authority, chain, pem_of
from tests.credential_files import put_in_place, written

ROOT = authority("Throw-away root")
RECORD = GenerationRecord(model="m", created_at=NOW)
PIXELS = np.full((16, 16, 3), 90, np.uint8)
EXAMINER = C2paExaminer(TrustStore((TrustList("throw-away", TrustPurpose.SIGNERS, Tier.CURRENT, ROOT.pem),)))


def new_chain(**how: object) -> Chain:
    return chain(root=ROOT, **how)  # type: ignore[arg-type]


def settings(folder: Path, **chosen: object) -> Settings:
    return Settings(home=folder / "home", signer_uri=f"file:{folder}/keys", **chosen)  # type: ignore[arg-type]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def leaf(watch: CredentialWatch) -> int:
    return watch.stamper.signer.credential.certificates[0].serial_number


@pytest.fixture
def first(tmp_path: Path) -> Chain:
    of = new_chain()
    put_in_place(tmp_path / "keys", of)
    return of


@pytest.fixture
def watch(tmp_path: Path, first: Chain) -> CredentialWatch:
    """A watch that is asked to look, and holds the first credential."""
    watch = CredentialWatch(settings(tmp_path, credential_alarm_days=0))
    watch.look()
    assert leaf(watch) == first.leaf.serial_number
    return watch


def test_nobody_has_looked_yet(tmp_path: Path) -> None:
    state = CredentialWatch(settings(tmp_path)).state()
    assert (state.code, state.expires_in, state.refused) == ("signing.credential_missing", None, None)
    assert state.describe(14) == "unavailable: signing.credential_missing"


def test_a_new_credential_takes_over(watch: CredentialWatch, tmp_path: Path) -> None:
    before = watch.stamper
    second = new_chain()
    put_in_place(tmp_path / "keys", second)
    watch.look()
    assert leaf(watch) == second.leaf.serial_number
    assert watch.state().describe(0) == "ok"
    require_trusted(EXAMINER.examine(watch.stamp(PIXELS, RECORD)))
    require_trusted(EXAMINER.examine(before.stamp(PIXELS, RECORD)))  # what has begun ends with what it began with


def test_the_same_credential_is_left_alone(watch: CredentialWatch) -> None:
    before = watch.stamper
    watch.look()
    assert watch.stamper is before


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (new_chain(usages=(TIME_STAMPING,)), "signing.credential_usage"),
        (new_chain(end=NOW - timedelta(minutes=1)), "signing.credential_expired"),
        (new_chain(start=NOW + timedelta(hours=1)), "signing.credential_not_yet_valid"),
    ],
    ids=["usage", "expired", "not yet"],
)
def test_one_that_fails_its_proof_leaves_the_old_in_force(
    second: Chain, code: str, watch: CredentialWatch, first: Chain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_in_place(tmp_path / "keys", second)
    for _ in range(3):
        watch.look()
    assert leaf(watch) == first.leaf.serial_number
    assert watch.state().refused == code
    assert watch.state().describe(0) == f"alarm: a new credential was refused: {code}"
    (said,) = errors(caplog)  # once, not at every look
    assert said.startswith(f"a new credential is refused, the old one stays in force: {code}")
    third = new_chain()
    put_in_place(tmp_path / "keys", third)
    watch.look()
    assert (leaf(watch), watch.state().refused) == (third.leaf.serial_number, None)


def test_half_a_pair_is_an_alarm_until_the_other_half_comes(watch: CredentialWatch, first: Chain, tmp_path: Path) -> None:
    second = new_chain()
    (tmp_path / "keys" / "chain.pem").write_bytes(second.pem)
    watch.look()
    assert (leaf(watch), watch.state().refused) == (first.leaf.serial_number, "signing.credential_mismatch")
    require_trusted(EXAMINER.examine(watch.stamp(PIXELS, RECORD)))
    (tmp_path / "keys" / "key.pem").write_bytes(second.key_pem)
    watch.look()
    assert (leaf(watch), watch.state().refused) == (second.leaf.serial_number, None)


def test_taking_it_back_ends_the_alarm(watch: CredentialWatch, first: Chain, tmp_path: Path) -> None:
    (tmp_path / "keys").rename(tmp_path / "away")
    watch.look()
    assert watch.state().refused == "signing.credential_missing"
    (tmp_path / "away").rename(tmp_path / "keys")
    watch.look()
    assert (leaf(watch), watch.state().refused) == (first.leaf.serial_number, None)


def test_stamping_never_stops_while_credentials_change(tmp_path: Path, first: Chain) -> None:
    watch = CredentialWatch(settings(tmp_path, credential_check_interval_s=0.02))
    watch.start()
    stop, stamped, failed = threading.Event(), list[tuple[int, Asset]](), list[Exception]()

    def work() -> None:
        while not stop.is_set():
            try:
                stamper = watch.stamper
                stamped.append((stamper.signer.credential.certificates[0].serial_number, stamper.stamp(PIXELS, RECORD)))
            except Exception as err:
                failed.append(err)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    serials = [first.leaf.serial_number]
    for _ in range(4):
        second = new_chain()
        serials.append(second.leaf.serial_number)
        put_in_place(tmp_path / "keys", second)
        until = time.monotonic() + 20
        while watch.stamper.signer.credential.certificates[0].serial_number != serials[-1] and time.monotonic() < until:
            time.sleep(0.01)
        reached = len(stamped)
        while len(stamped) < reached + 3 and time.monotonic() < until:
            time.sleep(0.01)
    stop.set()
    for worker in workers:
        worker.join()
    watch.stop()
    assert failed == []
    assert {serial for serial, _ in stamped} == set(serials)
    for _, asset in stamped:
        require_trusted(EXAMINER.examine(asset))


def test_what_was_out_of_reach_at_the_start_is_used_when_it_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    of, answers = new_chain(), [503, 503]

    def answer(asked: Asked) -> Said:
        if answers:
            return Said(answers.pop(0))
        if asked.method == "GET":
            return Said(200, of.pem)
        return Said(404)

    with FakeServer(answer) as service:
        watch = CredentialWatch(Settings(home=tmp_path, signer_uri=service.url))
        watch.look()
        assert watch.state().describe(14) == "unavailable: signing.unavailable"
        with pytest.raises(SignerUnavailable, match="503"):
            _ = watch.stamper
        watch.look()
        assert watch.state().describe(14) == "unavailable: signing.credential_refused"  # reached, and it does not sign
    assert [said.rpartition(": ")[2] for said in errors(caplog)] == [
        "the signing service answered 503",
        "the signing service answered 404",
    ]


def test_a_key_holder_that_goes_away_later_is_no_alarm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    of = new_chain()
    signed_by = of.signer

    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(200, of.pem)
        signature = signed_by.sign(base64.b64decode(json.loads(asked.body)["payload"]))
        return Said(200, json.dumps({"signature": base64.b64encode(signature).decode()}).encode())

    with FakeServer(answer) as service:
        watch = CredentialWatch(Settings(home=tmp_path, signer_uri=service.url, credential_alarm_days=0))
        watch.look()
        assert watch.state().describe(0) == "ok"
    watch.look()
    assert watch.state().describe(0) == "ok"
    assert errors(caplog) == []
    assert "whether there is a new credential cannot be seen" in caplog.text
    with pytest.raises(SignerUnavailable):  # the stamp says so, and its job is tried again
        watch.stamp(PIXELS, RECORD)


def test_the_end_is_announced_once_a_day(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put_in_place(tmp_path / "keys", new_chain(end=NOW + timedelta(days=16, hours=1)))
    clock = [datetime.now(UTC)]
    watch = CredentialWatch(settings(tmp_path, credential_alarm_days=14), clock=lambda: clock[0])
    seen = []
    for hours in (0, 30, 20, 5, 18, 4, 25):
        clock[0] += timedelta(hours=hours)
        caplog.clear()
        watch.look()
        seen.append([r.getMessage().rpartition(", ")[2] for r in caplog.records if r.levelno == logging.WARNING])
    assert seen == [[], [], ["in 13 days"], [], [], ["in 12 days"], ["in 11 days"]]
    assert watch.state().describe(14) == "alarm: expires in 11 days"
    clock[0] += timedelta(days=13)
    assert watch.state().describe(14) == "unavailable: signing.credential_expired"
    caplog.clear()
    watch.look()
    assert errors(caplog)[0].endswith("and nothing is stamped")


def test_without_a_thread_every_asking_looks(tmp_path: Path) -> None:
    watch = CredentialWatch(settings(tmp_path))
    with pytest.raises(CredentialMissing) as caught:
        _ = watch.stamper
    assert "key.pem and chain.pem" in str(caught.value)
    (tmp_path / "keys").mkdir()
    wrong, right = new_chain(usages=(TIME_STAMPING,)), new_chain()
    written(tmp_path / "keys", wrong)
    with pytest.raises(CredentialUsageWrong):
        _ = watch.stamper
    written(tmp_path / "keys", right)
    assert leaf(watch) == right.leaf.serial_number


def test_a_signer_without_its_root_is_proved(tmp_path: Path) -> None:
    of = chain(intermediate=True)
    written(tmp_path / "keys", of, pem=pem_of(of.certificates[:2]))
    assert leaf(CredentialWatch(settings(tmp_path))) == of.leaf.serial_number
