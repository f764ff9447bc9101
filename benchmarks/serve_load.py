"""Latency of the HTTP endpoint under load: `python benchmarks/serve_load.py IMAGE [--model M] [--seconds 15]`.

The load generator is hey (https://github.com/rakyll/hey; `apt install hey`, or --hey PATH), on the same machine, so it
takes its share of the cores. Two kinds of load: so many clients that each ask again as soon as they are answered, and
half of the greatest rate that was reached so, asked for evenly. The server is `cxr serve`, whole: reading,
decoding, preprocessing, the net, statistics, log. Beside it: what the same work costs without HTTP, in one process.
Without --model: the default preset's net with random weights (same speed), float32.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

from score_throughput import default_model

from cxr.core.environment import workers
from cxr.metrics.latency import processor
from serving.http.worker import work
from serving.registry import releases
from serving.score.score_images import ImageBounds

CLIENTS = (1, 2, 8, 32)


@dataclass(frozen=True)
class Load:
    """What hey said: answers a second, milliseconds at three quantiles, answers by status."""

    rate: float
    p50: float
    p95: float
    p99: float
    statuses: dict[str, int]

    def words(self) -> str:
        """In a line."""
        codes = ", ".join(f"{count} x {code}" for code, count in self.statuses.items())
        return (
            f"{self.rate:6.1f} answers/s   p50 {self.p50:7.1f}   p95 {self.p95:7.1f}   p99 {self.p99:7.1f} ms   {codes}"
        )


def ask(hey: str, image: Path, address: str, seconds: int, clients: int, rate: float | None = None) -> Load:
    """Load the server; `rate` answers a second are asked for, or as many as it gives."""
    evenly = ["-q", f"{rate / clients:.3f}"] if rate else []
    command = [
        hey,
        "-z",
        f"{seconds}s",
        "-c",
        str(clients),
        *evenly,
        "-m",
        "POST",
        "-T",
        "image/png",
        "-t",
        "60",
        "-D",
        str(image),
        f"{address}/score",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    quantiles = {name: 1000 * float(value) for name, value in re.findall(r"(\d+)%+ in ([\d.]+) secs", said)}
    statuses = {code: int(count) for code, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", said)}
    errors = said.partition("Error distribution:")[2].strip()
    if errors:
        statuses["errors"] = len(errors.splitlines())
    rates = re.findall(r"Requests/sec:\s+([\d.]+)", said)
    return Load(float(rates[0]), quantiles["50"], quantiles["95"], quantiles["99"], statuses)


def alone(place: Path, data: bytes) -> float:
    """Median milliseconds of a request's work in this process."""
    taken = []
    for _ in range(60):
        start = time.perf_counter()
        work(place, [data], ImageBounds(10**8))
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken[10:])


@contextlib.contextmanager
def served(place: Path, project: Path) -> Iterator[str]:
    """A server on a free port; its address once it is warm."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXR_PRODUCTION": str(place)}
    environment.pop("CXR_SERVE_TOKEN", None)
    child = subprocess.Popen(
        [sys.executable, "-m", "serving.http", "--port", "0"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        address = child.stdout.readline().split()[1]
        with urllib.request.urlopen(f"{address}/health", timeout=120):  # noqa: S310
            yield address
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def main() -> None:
    """Print a line for each load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seconds", type=positive, default=15, help="for each load")
    parser.add_argument("--hey", default=shutil.which("hey"))
    given = parser.parse_args()
    if not given.hey:
        parser.error("hey is not here: apt install hey, or name it with --hey")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "production"
        releases.install(place, given.model or default_model(Path(scratch) / "model"), "v", "", None)
        print(
            f"{given.image.name}, {given.image.stat().st_size} bytes; {workers()} processes, {processor()}; the work "
            f"alone: {alone(place, given.image.read_bytes()):.1f} ms",
            flush=True,
        )
        with served(place, ROOT) as address:
            ask(given.hey, given.image, address, 3, 4)  # warm
            loads = []
            for clients in CLIENTS:
                loads.append(ask(given.hey, given.image, address, given.seconds, clients))
                print(f"{clients:3d} clients: {loads[-1].words()}", flush=True)
            half = max(load.rate for load in loads) / 2
            print(f"half the greatest rate: {ask(given.hey, given.image, address, given.seconds, 8, half).words()}")


if __name__ == "__main__":
    main()
