"""Pictures inside markdown, as data URIs: Prefect shows them without a place to serve them from."""
import base64

_KINDS = ((b"\x89PNG", "image/png"), (b"<svg", "image/svg+xml"), (b"\xff\xd8", "image/jpeg"))


def as_markdown(title: str, content: bytes) -> str:
    """`![title](data:...)`. ValueError for anything but PNG, SVG and JPEG."""
    kind = next((kind for start, kind in _KINDS if content.startswith(start)), None)
    if kind is None:
        raise ValueError(f"{title}: not a PNG, SVG or JPEG")
    return f"![{title}](data:{kind};base64,{base64.b64encode(content).decode()})"
