"""`cxr serve`: what is in production, over HTTP, until Ctrl-C. See docs/reference/http.md."""

import contextlib
import ipaddress
import logging
import signal
import socket
from typing import Annotated

import typer
import uvicorn

from cxr.core import environment
from cxr.core.environment import workers
from cxr.core.errors import UserError
from cxr.params import Params, ParamsError, load
from cxr.runtime import command_line
from serving.http.app import Serving, make
from serving.http.bodies import Bounds
from serving.registry import releases
from serving.registry.releases import NothingInProduction
from serving.score.score_images import ImageBounds

_BODY_SECONDS = 30.0
_MOST_CONNECTIONS = 512
_LOCAL = ("localhost", "127.0.0.1", "::1", "[::1]")


app = command_line.application()
_HOST = typer.Option(
    help="address to listen on; another than loopback needs CXR_SERVE_TOKEN, a word that every client must send"
)
_PORT = typer.Option(
    help="0: a free one (default: score.http_port of params.yaml)", show_default=False, min=0, max=65535
)


class NotOpened(Exception):
    """The endpoint can't be opened; the message says why."""


@command_line.command(
    app,
    "0 (ended by Ctrl-C), 1 (it can't be opened, said in a line), 2 (wrong command line)",
    speaker="serve",
    mendable=(ParamsError, UserError, NotOpened),
)
def serve(host: Annotated[str, _HOST] = "127.0.0.1", port: Annotated[int | None, _PORT] = None) -> None:
    """Score images over HTTP by the model in production, until Ctrl-C."""
    params, token, local = load(), environment.serve_token(), _is_loopback(host)
    if not token and not local:
        raise NotOpened(f"refused: {host} opens the endpoint to the network without a password; set CXR_SERVE_TOKEN")
    serving = serving_of(params, token, _LOCAL if local and not token else ("*",))
    opened = _bound(host, params.score.http_port if port is None else port)
    _show_messages()
    _announce(serving, opened)
    config = uvicorn.Config(
        make(serving),
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=10,
        lifespan="on",
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[opened])
    command_line.show("serve", "ended; what was scored stands in the log")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and answer requests until Ctrl-C; the exit status."""
    return command_line.run(app, arguments, "python -m serving.http")


def serving_of(params: Params, token: str, hosts: tuple[str, ...]) -> Serving:
    """The endpoint's bounds and folders as params.yaml sets them; `token` and `hosts` are who may ask."""
    section = params.score
    bounds = Bounds(section.max_file_bytes, section.http_images, _BODY_SECONDS)
    return Serving(
        releases.production_folder(),
        bounds,
        ImageBounds.of(params),
        workers(),
        section.http_waiting,
        section.part_seconds,
        token=token,
        hosts=hosts,
    )


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
    print(
        f"serve: http://{f'[{host}]' if ':' in host else host}:{port} (POST /score, /health, /metrics); {state}",
        flush=True,
    )


def _bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. NotOpened where the address can't be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        raise NotOpened(f"{host}:{port}: {error.strerror or error}; name another with --port") from error
    opened.listen()  # who comes while the processes start waits, and is not refused
    return opened


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
