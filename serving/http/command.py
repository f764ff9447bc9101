"""`python -m serving.http [--host 127.0.0.1] [--port 8600]`: what is in production, over HTTP, until Ctrl-C.

CXR_SERVE_TOKEN asks every client for it; without it no other address than loopback is opened. Exit status 0, or 1 and
a readable line.
"""
import argparse
import contextlib
import ipaddress
import logging
import signal
import socket
import sys

import uvicorn

from cxr.core import environment
from cxr.core.environment import workers
from cxr.params import Params, ParamsError, load
from serving.http.app import Serving, make
from serving.http.bodies import Bounds
from serving.registry import releases
from serving.registry.releases import NothingInProduction

_BODY_SECONDS = 30.0
_MOST_CONNECTIONS = 512
_LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")


def main(arguments: list[str] | None = None) -> int:
    """Answer requests until Ctrl-C; exit status 0, or 1 with the reason where the endpoint can't be opened."""
    try:
        params = load()
    except ParamsError as error:
        return _fail(str(error))
    options = _parser(params.score.http_port).parse_args(arguments)
    token = environment.serve_token()
    if not token and not _is_loopback(options.host):
        return _fail(f"refused: {options.host} opens the endpoint to the network without a password; "
                    "set CXR_SERVE_TOKEN")
    serving = serving_of(params, token, _LOCAL if _is_loopback(options.host) and not token else ("*",))
    try:
        listening = _bound(options.host, options.port)
    except OSError as error:
        return _fail(f"{options.host}:{options.port}: {error.strerror or error}; name another with --port")
    _show_messages()
    _announce(serving, listening)
    config = uvicorn.Config(make(serving), log_level="warning", access_log=False, server_header=False,
                            limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=10, lifespan="on")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    print("serve: ended; what was scored stands in the log", file=sys.stderr)
    return 0


def serving_of(params: Params, token: str, hosts: tuple[str, ...]) -> Serving:
    """The endpoint's bounds and folders as params.yaml sets them; `token` and `hosts` are who may ask."""
    section = params.score
    bounds = Bounds(section.max_file_bytes, section.http_images, _BODY_SECONDS)
    return Serving(releases.production_folder(), bounds, params.ingest.max_pixels, workers(), section.http_waiting,
                   section.part_seconds, token=token, hosts=hosts)


def _show_messages() -> None:
    """Let what this command's own code logs reach the console as lines of its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("serve: %(message)s"))
    logging.getLogger("serving").handlers = [handler]


def _announce(serving: Serving, listening: socket.socket) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until uvicorn takes it over
    host, port = listening.getsockname()[:2]
    try:
        state = f"version {releases.current(serving.production).version}"
    except NothingInProduction as error:
        state = f"answers 503 as long as {error}"
    print(f"serve: http://{f'[{host}]' if ':' in host else host}:{port} (POST /score, /health, /metrics); {state}",
          flush=True)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen()  # who comes while the processes start waits, and is not refused
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fail(message: str) -> int:
    for line in message.splitlines():
        print(f"serve: {line}", file=sys.stderr)
    return 1


def _parser(port: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m serving.http", description="Serve what is in production over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=port, help=f"default: {port}, score.http_port of params.yaml; "
                        "0 takes a free one")
    return parser
