"""The HTTP endpoint: what it answers, within which bounds, what it logs; one server in a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cxr.core.files import write_checksums, write_json
from cxr.imaging.decode import decode
from cxr.imaging.preprocess import apply
from cxr.model.litert import Net
from cxr.model.probabilities import sigmoid
from serving.http import worker
from serving.log import scoring_log
from serving.predict.run import findings
from serving.registry import releases
from serving.score.score_images import ImageBounds
from tests.fixtures import made_images
from tests.fixtures import scored_place as made

ROOT = Path(__file__).resolve().parents[3]


class Server:
    """A running `python -m serving.http`; `ask` gives (status, headers, body)."""

    def __init__(self, place: Path, **variables: str) -> None:
        self.place = place
        own = {k: v for k, v in os.environ.items() if k not in ("CXR_PRODUCTION", "CXR_CACHE", "CXR_SERVE_TOKEN")}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "serving.http", "--port", "0"],
            cwd=place,
            env={**own, "PYTHONPATH": str(ROOT), "CXR_WORKERS": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = self.child.stdout.readline()
        self.address = self.said.split()[1]
        while self.ask("/health")[0] is None:
            assert self.child.poll() is None, self.child.communicate()[1]
            time.sleep(0.05)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int | None, dict, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(self.address + path, body, named)  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=300) as answer:  # noqa: S310
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()
        except urllib.error.URLError:
            return None, {}, b""

    def end(self) -> str:
        self.child.send_signal(signal.SIGTERM)
        return self.child.communicate(timeout=120)[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory, root: Path) -> Iterator[Server]:
    """One for the tests that leave it as it was."""
    running = Server(made.make(tmp_path_factory.mktemp("serve"), root))
    yield running
    running.end()


def form(images: dict[str, bytes]) -> tuple[bytes, str]:
    """Body and content type of multipart/form-data."""
    heads = [f'--xx\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n' for name in images]
    parts = [head.encode() + data + b"\r\n" for head, data in zip(heads, images.values(), strict=True)]
    return b"".join([*parts, b"--xx--\r\n"]), "multipart/form-data; boundary=xx"


def reason(answer: tuple[int | None, dict, bytes]) -> tuple[int | None, str]:
    return answer[0], json.loads(answer[2])["error"]["reason"]


def test_one_image_is_answered_as_predict_answers_it(server):
    status, _, body = server.ask("/score", made.png(1), content_type="image/png")
    said, net = json.loads(body), Net(server.place / "model")
    pixels = apply(made.CHAIN, decode(made.png(1), 10**6))
    expected = findings(net.card, net.probabilities(pixels[None])[0])
    assert status == 200 and said["version"] == "v1" and said["images"][0]["findings"] == expected


def test_several_images_come_back_in_order_and_a_bad_one_says_why_in_its_place(server):
    body, kind = form({"a.png": made.png(2), "bad.png": made.png(3)[:-20], "c.png": made.png(4)})
    status, _, answer = server.ask("/score", body, content_type=kind)
    images = json.loads(answer)["images"]
    assert status == 200 and [image["name"] for image in images] == ["a.png", "bad.png", "c.png"]
    assert images[1]["error"]["reason"] == "truncated" and "findings" not in images[1]
    assert images[0]["findings"] != images[2]["findings"] and len(images[2]["findings"]) == len(made.LABELS)


def test_a_request_without_a_sound_image_is_422(server):
    status, _, answer = server.ask("/score", b"no image at all", content_type="image/png")
    assert status == 422 and "error" in json.loads(answer)["images"][0]


def test_no_model_has_an_answer_for_black_white_tiny_or_a_strip(server):
    strip = np.random.default_rng(1).integers(0, 256, (1, 5000)).astype(np.uint8)
    images = {
        "black.png": np.zeros((64, 64), np.uint8),
        "white.png": np.full((64, 64), 255, np.uint8),
        "tiny.png": np.full((1, 1), 90, np.uint8),
        "strip.png": strip,
    }
    body, kind = form({name: made_images.png(pixels) for name, pixels in images.items()})
    status, _, answer = server.ask("/score", body, content_type=kind)
    found = json.loads(answer)["images"]
    assert status == 422 and not any("findings" in image for image in found)
    assert [image["error"]["reason"] for image in found] == ["blank", "blank", "too_small", "too_small"]


def test_bounds_are_kept_and_said(server):
    for turn in range(10):  # the answer is read, though the body is not wanted
        assert reason(server.ask("/score", bytes((1 << 20) + 1 + turn))) == (413, "too_large")
    assert reason(server.ask("/score", b"")) == (400, "bad_request")
    many, kind = form({f"{i}.png": made.png(i) for i in range(5)})
    assert reason(server.ask("/score", many, content_type=kind)) == (400, "bad_request")
    empty, kind = form({})
    assert server.ask("/score", empty, content_type=kind)[0] == 400
    assert reason(server.ask("/score")) == (405, "method_not_allowed")
    assert reason(server.ask("/elsewhere")) == (404, "not_found")
    assert server.ask("/health", Host="evil.example")[0] == 400  # a page in a browser can't reach it by another name


def test_chunked_bodies_of_unknown_length_are_refused(server):
    host, port = server.address.removeprefix("http://").split(":")

    async def asked() -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        answer = await reader.read(4096)
        writer.close()
        return answer

    assert b"411" in asyncio.run(asked()).splitlines()[0]


def test_health_names_the_model_and_metrics_count(server):
    before = metrics(server)
    server.ask("/score", made.png(9))
    server.ask("/score", b"text")
    after, health = metrics(server), json.loads(server.ask("/health")[2])
    assert health["status"] == "ok" and health["version"] == "v1" and len(health["model"]) == 64
    scored, refused = 'cxr_images_total{outcome="scored"}', 'cxr_requests_total{path="/score",status="422"}'
    assert after[scored] == before.get(scored, 0) + 1 and after[refused] == before.get(refused, 0) + 1
    assert after["cxr_request_seconds_count"] == before.get("cxr_request_seconds_count", 0) + 2
    assert 'cxr_request_seconds_bucket{le="0.05"}' in after and "process_resident_memory_bytes" in after


def metrics(server: Server) -> dict[str, float]:
    lines = server.ask("/metrics")[2].decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_what_it_scored_stands_in_the_log_once_without_the_clients_names(server):
    body, kind = form({"Mustermann_Erika.png": made.png(20), "copy.png": made.png(20), "b.png": made.png(21)})
    server.ask("/score", body, content_type=kind)
    stop = time.monotonic() + 60
    while time.monotonic() < stop and metrics(server)["cxr_log_rows_waiting"]:
        time.sleep(0.05)
    rows = scoring_log.read(server.place / "production" / "log")
    ids = [image["image_id"] for image in json.loads(server.ask("/score", body, content_type=kind)[2])["images"]]
    assert ids[0] == ids[1] and [list(rows["image_id"]).count(name) for name in ids] == [1, 1, 1]
    assert set(rows["source"]) == {"http"}
    assert not any(b"Mustermann" in path.read_bytes() for path in server.place.rglob("*") if path.is_file())


def test_a_release_of_newer_code_is_answered_by_what_to_do(tmp_path, root):
    made.make(tmp_path, root)
    write_json(tmp_path / "model/card.json", {"schema": 2})
    write_checksums(tmp_path / "model")
    releases.install(tmp_path / "production", tmp_path / "model", "v2", "", None)
    server = Server(tmp_path)
    status, _, body = server.ask("/score", made.png(1))
    server.end()
    assert status == 503 and "card.json: is of format 2" in body.decode() and "update the code" in body.decode()


def test_another_release_is_taken_up_without_a_restart_and_ending_it_writes_the_log(tmp_path, root):
    server = Server(made.make(tmp_path, root), CXR_SERVE_TOKEN="word")
    assert reason(server.ask("/score", made.png(1))) == (401, "unauthorized")
    ours = {"Authorization": "Bearer word"}
    first = json.loads(server.ask("/score", made.png(1), **ours)[2])
    made.release(tmp_path, "v2", 3.0)
    second = json.loads(server.ask("/score", made.png(1), **ours)[2])
    assert (first["version"], second["version"]) == ("v1", "v2") and first["model"] != second["model"]
    assert json.loads(server.ask("/health")[2])["version"] == "v2"
    (tmp_path / "production" / "current").unlink()
    assert reason(server.ask("/health")) == (503, "unavailable")
    assert reason(server.ask("/score", made.png(1), **ours)) == (503, "unavailable")
    assert "Traceback" not in server.end()
    assert sorted(scoring_log.read(tmp_path / "production" / "log")["version"]) == ["v1", "v2"]


def test_a_release_swapped_while_requests_of_several_images_are_under_way_answers_none_of_them_by_halves(
    tmp_path, root
):
    server, images = Server(made.make(tmp_path, root)), [made.png(seed) for seed in range(4)]
    body, kind = form({f"{seed}.png": data for seed, data in enumerate(images)})
    inputs = np.stack([apply(made.CHAIN, decode(data, 10**6)) for data in images])
    expected = {}
    for version, slope in (("v2", 3.0), ("v1", 1.0)):
        net = Net(made.model(tmp_path / f"as-{version}", slope))
        expected[version] = [findings(net.card, row) for row in net.probabilities(inputs)]
    stop, answers = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answers.append(json.loads(server.ask("/score", body, content_type=kind)[2]))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    for turn in range(8):
        before = len(answers)
        made.release(tmp_path, *(("v2", 3.0) if turn % 2 == 0 else ("v1", 1.0)))
        until = time.monotonic() + 120
        while len(answers) < before + 6 and time.monotonic() < until:
            time.sleep(0.01)
    stop.set()
    for client in clients:
        client.join()
    server.end()
    assert {answer["version"] for answer in answers} == {"v1", "v2"} and len(answers) >= 48
    for answer in answers:
        assert [image["findings"] for image in answer["images"]] == expected[answer["version"]]


def test_a_request_under_way_when_the_release_is_swapped_ends_with_the_model_it_began_with(tmp_path, root, monkeypatch):
    made.make(tmp_path, root)
    real, seen = worker.look, []

    def look(*given):
        if not seen:
            made.release(tmp_path, "v2", 3.0)
        return seen.append(given) or real(*given)

    monkeypatch.setattr(worker, "look", look)
    images = [made.png(seed) for seed in range(3)]
    first, second = (worker.work(tmp_path / "production", images, ImageBounds(10**6)) for _ in range(2))
    assert (first.version, second.version) == ("v1", "v2") and first.model != second.model
    for reply, slope in ((first, 1.0), (second, 3.0)):
        assert reply.scored.version == reply.version and len(reply.images) == 3
        assert np.allclose(reply.scored.probabilities, sigmoid(slope * reply.scored.logits), atol=1e-6)


def test_it_does_not_open_itself_to_the_network_without_a_token(tmp_path, root):
    made.make(tmp_path, root)
    ended = subprocess.run(
        [sys.executable, "-m", "serving.http", "--host", "0.0.0.0"],  # noqa: S104
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CXR_SERVE_TOKEN": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 1 and "CXR_SERVE_TOKEN" in ended.stderr and "Traceback" not in ended.stderr
