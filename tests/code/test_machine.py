"""The machine is settled in one place, before any numerical library loads, whatever is imported first."""
import os
import subprocess
import sys
from pathlib import Path

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


LOOK = """
import stages, numpy, cv2
from numpy._core._multiarray_umath import __cpu_features__ as features
# 256: CPU_AVX512_SKX of cv::CpuFeatures
print(features["AVX512F"], cv2.checkHardwareSupport(256), cv2.ipp.getIppVersion())
"""


def test_numpy_and_opencv_obey_the_cap():
    numpy_has, opencv_has, *ipp = python(LOOK, CXR_INSTRUCTION_SET="avx2").split()
    assert (numpy_has, opencv_has) == ("False", "False")
    assert "AVX2" in " ".join(ipp)


@pytest.mark.skipif("avx512bw" not in Path("/proc/cpuinfo").read_text(), reason="this processor has no AVX-512")
def test_without_the_cap_all_three_would_use_more():
    numpy_has, opencv_has, *ipp = python(LOOK, CXR_INSTRUCTION_SET="native").split()
    assert (numpy_has, opencv_has) == ("True", "True")
    assert "AVX2" not in " ".join(ipp)


@pytest.mark.parametrize(("setting", "capped"), [("avx2", "True"), ("native", "False")])
def test_the_cap_in_force_is_what_the_libraries_see(setting, capped):
    code = "from stages import machine; print(machine.capped(), machine.in_force()['ONEDNN_MAX_CPU_ISA'])"
    assert python(code, CXR_INSTRUCTION_SET=setting).split() == [capped, *(["AVX2"] if capped == "True" else [])]
    assert python(code, CXR_INSTRUCTION_SET="avx2", ONEDNN_MAX_CPU_ISA="SSE41").split() == ["False", "SSE41"]


def test_telemetry_is_off_for_all_that_sends_some():
    code = ("import stages, os; from dvc import analytics; print(os.environ['GX_ANALYTICS_ENABLED'], "
            "os.environ['PREFECT_SERVER_ANALYTICS_ENABLED'], os.environ['DO_NOT_TRACK'], analytics.is_enabled())")
    assert python(code) == "False false 1 False"


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
