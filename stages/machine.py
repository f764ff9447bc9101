"""Settles, once and before any numerical library loads, what a process may use of its machine.

The instruction sets are capped so that the same inputs give the same bytes on every x86-64 machine of at least that
level; the cap is `machine.instruction_set` in params.yaml. Not for parameters in general: see `stages.params`.
"""
import os
from pathlib import Path

import yaml

_CAPS = {
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
        "OPENCV_IPP": "avx2",
    },
    "native": {},
}
_DECIDING = {  # bytes, as the caps do
    "TF_USE_LEGACY_KERAS": "1",  # tfmot works with tf-keras only
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow itself turns it on by processor family
    "TF_DETERMINISTIC_OPS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "OPENBLAS_NUM_THREADS": "1",  # a sum's parts, and so its last bits, would follow the number of cores
}
_ALWAYS = {
    **_DECIDING,
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "False",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MPLBACKEND": "Agg",
}


def settle(params_file: Path = Path("params.yaml")) -> None:
    """Set the environment of this process and its children; what the user already set stays as it is."""
    for name, value in {**_ALWAYS, **_CAPS.get(instruction_set(params_file), {})}.items():
        os.environ.setdefault(name, value)


def instruction_set(params_file: Path = Path("params.yaml")) -> str:
    """The cap in `machine.instruction_set`; CXR_INSTRUCTION_SET goes before it, `avx2` is for want of both."""
    if name := os.environ.get("CXR_INSTRUCTION_SET"):
        return name
    try:
        section = yaml.safe_load(params_file.read_text())["machine"]
        return str(section["instruction_set"])
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError):
        return "avx2"


def in_force() -> dict[str, str]:
    """What of this process's environment can move the bytes of what it computes; "" where a name is not set."""
    return {name: os.environ.get(name, "") for name in sorted({*_CAPS["avx2"], *_DECIDING})}


def capped() -> bool:
    """Whether this process keeps to AVX2, whoever said so: the environment as it is, not the parameter."""
    return all(os.environ.get(name) == value for name, value in _CAPS["avx2"].items())


def workers() -> int:
    """Processes to use side by side: `CXR_WORKERS`, else every core this process may run on. Never changes a byte."""
    return int(os.environ.get("CXR_WORKERS") or len(os.sched_getaffinity(0)))
