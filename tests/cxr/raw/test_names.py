"""Names of files: which are safe."""

import pytest

from cxr.raw.names import fault_of


@pytest.mark.parametrize(
    "name", ["éric 7.png", "患者2.png", "lungs \U0001fac1\ufe0f.png", "a'b [3] & c;d.png", "شعاع.png"]
)
def test_a_name_of_letters_and_signs_has_no_fault(name):
    assert fault_of(name) is None
