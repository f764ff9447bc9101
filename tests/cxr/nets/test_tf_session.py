"""What decides a training's bytes beside its inputs, and where else they are the same."""

import pytest

from cxr.core import determinism
from cxr.nets import tf_session
from cxr.training.checkpoint import key


def test_a_checkpoint_of_other_caps_or_libraries_is_never_resumed(monkeypatch):
    """A training finished under `native` would be recorded as capped, or one of another TensorFlow as this one's."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    capped = key("same inputs", tf_session.surroundings())
    assert capped == key("same inputs", tf_session.surroundings())
    with monkeypatch.context() as other:
        other.delenv("ONEDNN_MAX_CPU_ISA")
        assert key("same inputs", tf_session.surroundings()) != capped
    with monkeypatch.context() as other:
        other.setattr(tf_session.np, "__version__", "0.0")
        assert key("same inputs", tf_session.surroundings()) != capped
    libraries = tf_session.surroundings()["libraries"]
    assert set(libraries) == {"tensorflow", "tf-keras", "numpy", "opencv", "tensorflow-model-optimization"}


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_other_families_of_processors_are_promised_nothing_of_x86(monkeypatch, machine):
    for name, value in determinism.caps(determinism.processor_flags()).items():
        monkeypatch.setenv(name, value)
    assert tf_session.same_bytes_on("small") == "any x86-64 processor with AVX2"
    assert tf_session.same_bytes_on("resnet50").startswith("the same make of processor")
    monkeypatch.setattr(tf_session.platform, "machine", lambda: machine)
    assert tf_session.same_bytes_on("small").startswith("the same make of processor")
    monkeypatch.undo()
    monkeypatch.setenv("OPENCV_IPP", "avx512")
    assert tf_session.same_bytes_on("small").startswith("the same make of processor")
