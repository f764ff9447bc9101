"""TensorFlow starts once per process, and the first test that uses it settles its threads for all others."""
import pytest


@pytest.fixture(scope="session", autouse=True)
def tensorflow_started():
    """As the stages start it, so that what one test file computes does not depend on which ran before it."""
    from stages import session
    from stages.params.schema import Machine
    session.start(Machine(intra_op_threads=2), 1)


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """A project of made-up images in which only `compress` is left to do; not to be written in."""
    from made_up_project import write_base, write_data

    folder = tmp_path_factory.mktemp("made_up")
    write_data(folder)
    write_base(folder)
    return folder
