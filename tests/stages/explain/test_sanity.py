"""The sanity check's correlation of maps."""

import numpy as np
import pytest

from stages.explain import sanity


def test_the_sanity_correlation_ignores_maps_without_any_evidence():
    varied = np.arange(16.0).reshape(4, 4)
    assert sanity.correlation([varied, varied], [-varied, np.zeros((4, 4))]) == pytest.approx(1.0)
    assert np.isnan(sanity.correlation([varied], [np.zeros((4, 4))]))
