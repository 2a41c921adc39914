import numpy as np
import pytest

from detector.operating_point import choose


def test_point_and_the_rate_of_every_source_worst_first():
    llr = np.arange(1000.0)
    sources = ["quiet"] * 900 + ["loud"] * 100
    measured = choose(llr, sources, 0.05)
    assert measured.point.name == "fpr-5%"
    assert measured.point.threshold_llr == 949.0
    assert measured.point.n_real == 1000
    low, high = measured.point.fpr_interval
    assert low < 0.05 < high
    assert [(rate.source, rate.n, rate.flagged) for rate in measured.sources] == [("loud", 100, 50), ("quiet", 900, 0)]


def test_a_rate_the_images_cannot_carry_is_refused():
    with pytest.raises(ValueError, match=r"not certifiable \(n = 999\)"):
        choose(np.arange(999.0), ["s"] * 999, 0.01)
