"""The images in a request's body, read within bounds: one image as raw bytes, or several as multipart/form-data."""

import asyncio
import contextlib
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

_ENVELOPE = 1 << 16  # bytes that multipart's own lines may add
_LISTENED, _LISTENED_SECONDS = 2, 5.0  # times the largest body, seconds


@dataclass(frozen=True)
class Bounds:
    """Bytes and images in one request, seconds in which it must have come."""

    max_bytes: int
    max_images: int
    seconds: float


def announced(request: Request, bounds: Bounds) -> int:
    """Bytes that are to come, by Content-Length. HTTPException: 411 without one, 413 for too many, 400 for none."""
    try:
        length = int(request.headers["content-length"])
    except (KeyError, ValueError) as error:
        raise HTTPException(411, "say the body's length (Content-Length); chunked bodies are not taken") from error
    if length > bounds.max_bytes + (_ENVELOPE if _is_form(request) else 0):
        raise HTTPException(413, f"{length} bytes; a request may hold {bounds.max_bytes}")
    if length <= 0:
        raise HTTPException(400, "the body is empty; send an image, or several as multipart/form-data")
    return length


async def images_of(request: Request, bounds: Bounds) -> list[tuple[str, bytes]]:
    """(name, bytes) of each image, the name as the client gave it. HTTPException 400, 408, 413."""
    try:
        async with asyncio.timeout(bounds.seconds):
            return await _parts(request, bounds) if _is_form(request) else [("", await request.body())]
    except TimeoutError as error:
        raise HTTPException(408, f"the body had not come whole after {bounds.seconds:g} s") from error


async def listen_to_the_end(request: Request, bounds: Bounds) -> None:
    """Throw away what is still coming of a request that is refused: a client that is cut off never reads why.

    Not for ever: a body of many times the bound, or a slow one, is cut off after all.
    """
    left = _LISTENED * bounds.max_bytes
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):  # RuntimeError: it was read already
        async with asyncio.timeout(_LISTENED_SECONDS):
            async for some in request.stream():
                left -= len(some)
                if left < 0:
                    return


async def _parts(request: Request, bounds: Bounds) -> list[tuple[str, bytes]]:
    async with request.form(max_files=bounds.max_images, max_fields=bounds.max_images) as form:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        images = [(upload.filename or "", await upload.read()) for upload in files]
    if not images:
        raise HTTPException(400, "no file in the form; send images as parts with a file name")
    return images


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")
