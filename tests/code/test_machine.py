"""The machine is settled in one place, before any numerical library loads, whatever is imported first."""
import os
import subprocess
import sys

import pytest

from stages import machine

CLEAN = {name: value for name, value in os.environ.items()
         if name not in {*machine._ALWAYS, *machine._CAPS["avx2"], "CXR_INSTRUCTION_SET"}}


def python(code, **more):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**CLEAN, **more})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("first", ["stages.artifacts", "stages.params", "stages.machine", "stages.shards"])
def test_whatever_room_is_imported_first_tf_keras_is_chosen_before_tensorflow_loads(first):
    told = python(f"import {first}, os, sys; print(os.environ['TF_USE_LEGACY_KERAS'], 'tensorflow' in sys.modules)")
    assert told == "1 False"


def test_numpy_and_opencv_obey_the_cap():
    code = ("import stages, numpy, cv2; from numpy._core._multiarray_umath import __cpu_features__ as f; "
            "print(f['AVX512F'], cv2.checkHardwareSupport(cv2.CPU_AVX_512F) if hasattr(cv2, 'CPU_AVX_512F') else '')")
    assert python(code).split()[0] == "False"


def test_what_the_user_set_stays_as_it_is():
    code = "import stages, os; print(os.environ['ONEDNN_MAX_CPU_ISA'])"
    assert python(code, ONEDNN_MAX_CPU_ISA="SSE41") == "SSE41"


def test_the_cap_is_read_from_params_and_the_environment_goes_before_it(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("machine: {instruction_set: native}\n")
    monkeypatch.delenv("CXR_INSTRUCTION_SET", raising=False)
    assert machine.instruction_set(tmp_path / "params.yaml") == "native"
    assert machine.instruction_set(tmp_path / "missing.yaml") == "avx2"
    monkeypatch.setenv("CXR_INSTRUCTION_SET", "avx2")
    assert machine.instruction_set(tmp_path / "params.yaml") == "avx2"
