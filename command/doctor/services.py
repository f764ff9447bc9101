"""What the checkout talks to: DVC's remote, the Prefect server, what is in production. Asked for a moment each."""

import configparser
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SECONDS = 0.5
_PORTS = {"ssh": 22, "http": 80, "https": 443}


@dataclass(frozen=True)
class Remote:
    """A DVC remote: its name, its address, and the server to ask where that is not the address's own."""

    name: str
    url: str
    endpoint: str = ""

    def kind(self) -> str:
        """`folder`, or the scheme of its address."""
        return self.url.partition("://")[0] if "://" in self.url else "folder"


def dvc_remote(top: Path) -> str:
    """Name, kind, address and whether it can be reached; no credential is used, so not whether it lets us in."""
    remote = remote_of(top)
    if remote is None:
        return "none named (`make up` uses a folder in .prefect)"
    return f"{remote.name}: {remote.kind()} {remote.url}, {reachable(remote, top)}"


def remote_of(top: Path) -> Remote | None:
    """CXR_REMOTE, else the default remote of .dvc/config.local and .dvc/config; None where neither names one."""
    if url := os.environ.get("CXR_REMOTE"):
        return Remote("CXR_REMOTE", url)
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read([top / ".dvc/config", top / ".dvc/config.local"])
    name = config.get("core", "remote", fallback="")
    section = next((part for part in (f"'remote \"{name}\"'", f'remote "{name}"') if config.has_section(part)), None)
    if section is None:
        return None
    return Remote(name, config.get(section, "url", fallback=""), config.get(section, "endpointurl", fallback=""))


def reachable(remote: Remote, top: Path) -> str:
    """Whether a folder is there or a server takes a connection."""
    if remote.kind() == "folder":
        return "there" if (top / ".dvc" / remote.url).is_dir() else "NOT there"
    place = urlsplit(remote.endpoint or remote.url)
    port = place.port or _PORTS.get(place.scheme)
    if port is None or not place.hostname:
        return "not asked (no server of its own is named)"
    return "answers" if connects(place.hostname, port) else "does NOT answer"


def connects(host: str, port: int) -> bool:
    """Whether a connection can be opened within half a second."""
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError:
        return False
    return True


def prefect(_: Path) -> str:
    """The server that flows would talk to, PREFECT_API_URL's or that of `make up`, and whether it answers."""
    from flows.server.services import running
    from flows.support.settings import from_environment

    if url := os.environ.get("PREFECT_API_URL"):
        return f"{url} (PREFECT_API_URL), {health(url)}"
    try:
        here = from_environment()
    except SystemExit as error:  # a variable that can't be meant: its line names it
        return str(error)
    if running("server", here.home) is None:
        return "own server: not running (`make up` starts it)"
    url = f"http://{'127.0.0.1' if here.host == '0.0.0.0' else here.host}:{here.port}/api"  # noqa: S104
    return f"own server: running, {url}, {health(url)}"


def health(url: str) -> str:
    """Whether a Prefect server answers."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=_SECONDS):  # noqa: S310
            return "answers"
    except urllib.error.HTTPError as error:
        return "answers, and asks for a password" if error.code in (401, 403) else f"answers with {error.code}"
    except OSError:
        return "does NOT answer"


def production(top: Path) -> str:
    """The release in use, its files checked."""
    from cxr.core.errors import HashMismatch
    from serving.registry import releases

    try:
        release = releases.current(top / releases.production_folder())
    except (releases.NothingInProduction, HashMismatch) as error:
        return str(error)
    return f"{release.version} ({release.identity[:16]}), commit {release.commit[:12]}, files as recorded"


LINES: dict[str, Callable[[Path], str]] = {"dvc remote": dvc_remote, "prefect": prefect, "production": production}
