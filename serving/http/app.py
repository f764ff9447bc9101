"""The endpoint: POST /score, GET /health, GET /metrics. Errors are JSON: {"error": {"reason", "detail"}}."""

import asyncio
import contextlib
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cxr.core.errors import HashMismatch, UserError
from serving.http.bodies import Bounds, announced, images_of, listen_to_the_end
from serving.http.log_writer import BackgroundLogWriter
from serving.http.metrics import Metrics
from serving.http.process_pool import Busy, Crashed, ProcessPool, TooSlow
from serving.http.worker import Reply
from serving.score.model import released
from serving.score.score_images import ImageBounds

_REASONS = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    411: "length_required",
    413: "too_large",
    422: "no_image",
    503: "unavailable",
    504: "too_slow",
}
_PATHS = ("/score", "/health", "/metrics")
_MOST_HELD = 4  # times the bytes of the largest request, in all requests together


@dataclass(frozen=True)
class Serving:
    """What to serve and how; bounds as in the section `score` of params.yaml. `token`: "" asks for none."""

    production: Path
    bounds: Bounds
    image: ImageBounds
    processes: int
    waiting: int
    part_seconds: float
    deadline: float = 60.0
    token: str = ""
    hosts: tuple[str, ...] = ("*",)


class Endpoint:
    """The handlers of all routes, with the pool, log writer and metrics that they share."""

    def __init__(self, serving: Serving) -> None:
        """Starts no process and no writer; `lifespan` does."""
        self.serving = serving
        self.log_writer = BackgroundLogWriter(serving.production / "log", serving.part_seconds)
        self.processes = ProcessPool(
            serving.production, serving.processes, serving.waiting, serving.image, serving.deadline
        )
        self.metrics = Metrics(
            lambda: self.processes.waiting, lambda: self.log_writer.waiting, lambda: self.log_writer.lost
        )
        self._held = 0

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Processes and log writer from start to end of the server; what waits is written at the end."""
        await self.processes.open()
        keeping = asyncio.create_task(self.log_writer.keep())
        try:
            yield
        finally:
            keeping.cancel()
            self.processes.close()
            await asyncio.to_thread(self.log_writer.write)

    async def score(self, request: Request) -> Response:
        """Score one image (raw bytes) or several (multipart/form-data)."""
        start = time.perf_counter()
        try:
            length = self._admitted(request)
        except HTTPException:
            await listen_to_the_end(request, self.serving.bounds)
            raise
        self._held += length
        try:
            images = await images_of(request, self.serving.bounds)
            reply = await self._scored([data for _, data in images])
        finally:
            self._held -= length
            self.metrics.seconds.observe(time.perf_counter() - start)
        return self._answer([name for name, _ in images], reply)

    async def health(self, request: Request) -> Response:
        """What is in production; 503 where nothing is, or it is damaged."""
        try:
            release = await asyncio.to_thread(released, self.serving.production)
        except (UserError, HashMismatch) as error:
            raise HTTPException(503, str(error)) from error
        return JSONResponse(
            {"status": "ok", "model": release.identity, "version": release.version, "waiting": self.processes.waiting}
        )

    async def show_metrics(self, request: Request) -> Response:
        """Answer GET /metrics in Prometheus' text format."""
        self._admit(request)
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    def _admitted(self, request: Request) -> int:
        """Bytes that are to come. HTTPException 401, those of `announced`, 503 where too much is under way."""
        self._admit(request)
        length = announced(request, self.serving.bounds)
        if self._held + length > _MOST_HELD * self.serving.bounds.max_bytes:
            raise _busy("more bytes are under way than are held at a time")
        return length

    async def _scored(self, images: list[bytes]) -> Reply:
        try:
            return await self.processes.score(images)
        except Busy as error:
            raise _busy("more images are waiting than may be") from error
        except TooSlow as error:
            raise HTTPException(504, f"not done within {self.serving.deadline:g} s") from error
        except Crashed as error:
            self.metrics.images.labels("decoder_crashed").inc(len(images))
            raise HTTPException(422, "an image of the request crashes the decoder; send them one by one") from error
        except (UserError, HashMismatch) as error:
            raise HTTPException(503, str(error)) from error

    def _answer(self, names: list[str], reply: Reply) -> Response:
        for image in reply.images:
            self.metrics.images.labels(image["error"]["reason"] if "error" in image else "scored").inc()
        self.metrics.answered(reply.model, reply.version)
        if reply.scored is not None:
            self.log_writer.take(reply.scored)
        images = [{"name": name, **image} for name, image in zip(names, reply.images, strict=True)]
        return JSONResponse(
            {"model": reply.model, "version": reply.version, "images": images},
            status_code=200 if reply.scored is not None else 422,
        )

    def _admit(self, request: Request) -> None:
        """HTTPException 401 where a token is asked for and not given."""
        given = request.headers.get("authorization", "").encode()
        if self.serving.token and not hmac.compare_digest(given, f"Bearer {self.serving.token}".encode()):
            raise HTTPException(401, "send the header Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})


def make(serving: Serving) -> Starlette:
    """The ASGI application with its three routes, for the hosts that `serving` names; errors are JSON."""
    endpoint = Endpoint(serving)

    async def explained(request: Request, error: Any) -> Response:
        """An error as JSON: its reason in a word, and its detail."""
        body = {"error": {"reason": _REASONS.get(error.status_code, "error"), "detail": error.detail}}
        return JSONResponse(body, error.status_code, headers=error.headers)

    routes = [
        Route("/score", endpoint.score, methods=["POST"]),
        Route("/health", endpoint.health),
        Route("/metrics", endpoint.show_metrics),
    ]
    app = Starlette(
        routes=routes,
        lifespan=endpoint.lifespan,
        exception_handlers={HTTPException: explained},
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(serving.hosts))],
    )
    app.add_middleware(_Counted, metrics=endpoint.metrics)
    return app


class _Counted:
    """Counts every answer by path and status."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            """Pass a message on; the one that starts an answer is counted."""
            if message["type"] == "http.response.start":
                path = scope["path"] if scope["path"] in _PATHS else "other"
                self.metrics.requests.labels(path, message["status"]).inc()
            await send(message)

        await self.app(scope, receive, counted if scope["type"] == "http" else send)


def _busy(why: str) -> HTTPException:
    return HTTPException(503, f"{why}; try again in a second", {"Retry-After": "1"})
