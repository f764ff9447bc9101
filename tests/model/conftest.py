"""TensorFlow starts once per process, and the first test that uses it settles its threads for all others."""
import pytest


@pytest.fixture(scope="session", autouse=True)
def tensorflow_started():
    """As the stages start it, so that what one test file computes does not depend on which ran before it."""
    from stages import session
    from stages.params.schema import Machine
    session.start(Machine(intra_op_threads=2), 1)
