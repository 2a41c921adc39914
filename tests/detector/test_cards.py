import json

import pytest

from detector.cards import read_card
from provenance.errors import DetectorError
from tests.detector.tiny import write_tiny_detector


def test_everything_scoring_needs_comes_from_the_card(tmp_path):
    card = read_card(write_tiny_detector(tmp_path))
    assert card.detector_name == "detector:tiny@7"
    assert card.preprocessing.policy.places == ((0.5, 0.5), (0.0, 0.0))
    assert card.preprocessing.mean == (0.5, 0.5, 0.5)
    assert (card.calibration.scale, card.calibration.offset) == (2.0, -0.5)
    assert card.point().name == "fpr-1%"
    assert card.point("fpr-5%").threshold_llr == 1.0


def test_an_unknown_operating_point_is_refused(tmp_path):
    with pytest.raises(DetectorError, match=r"it has fpr-1%, fpr-5%"):
        read_card(write_tiny_detector(tmp_path)).point("fpr-0.1%")


@pytest.mark.parametrize("field", ["model", "preprocessing", "limits", "calibration", "prior", "operating_points"])
def test_a_card_without_what_scoring_needs_is_refused(tmp_path, field):
    path = write_tiny_detector(tmp_path)
    document = json.loads(path.read_text())
    del document[field]
    path.write_text(json.dumps(document))
    with pytest.raises(DetectorError, match=field):
        read_card(path)


def test_another_schema_is_refused(tmp_path):
    with pytest.raises(DetectorError, match="assay-detector-card/9"):
        read_card(write_tiny_detector(tmp_path, schema="assay-detector-card/9"))


def test_a_default_point_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DetectorError, match="no operating point 'fpr-2%'"):
        read_card(write_tiny_detector(tmp_path, default_operating_point="fpr-2%"))


def test_text_that_is_no_card_is_refused(tmp_path):
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(DetectorError, match="not sound"):
        read_card(tmp_path / "card.json")


def test_an_unknown_name_lists_what_ships():
    with pytest.raises(DetectorError, match="clip-b16-tokens"):
        read_card("nothing")
