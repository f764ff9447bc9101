"""Where this machine finds the project, its git remote, its DVC remote and cache: read from the environment.

No flow parameter and no log line carries any of these: an address may hold a password.
"""

import subprocess
from pathlib import Path

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_CHECKOUT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """One machine's view, by the variables CXR_*; docs/how-to/prefect-team.md says what each is for.

    `git` and `remote` are addresses; folders are absolute. An empty variable counts as one that is not set, but for
    CXR_POOLS_HERE, where it means none.
    """

    model_config = SettingsConfigDict(env_prefix="CXR_", frozen=True, extra="ignore")

    project: Path = _CHECKOUT  # the checkout whose flows run here
    home: Path = Path()  # the server's database, logs and pids; `.prefect` of the project
    # What workspaces clone from and records are pushed to; unset: the checkout's `origin`, else one in `home`.
    git: str = Field(default="", repr=False)
    remote: str | None = Field(default=None, repr=False)  # DVC remote; None: that of the commit's .dvc/config
    cache: Path = Field(default=Path(), validation_alias="CXR_DVC_CACHE")  # DVC cache, one a machine
    scratch: Path = Field(default=Path(), validation_alias="CXR_CACHE")  # the stages' caches and checkpoints
    workspaces: Path = Path()
    patience: float = Field(default=1800.0, ge=0, validation_alias="CXR_PATIENCE_SECONDS")  # of a remote that is gone
    attempts: int = Field(default=4, ge=1, validation_alias="CXR_STAGE_ATTEMPTS")  # how often a lost stage is given out
    reports: str | None = Field(default=None, validation_alias="CXR_REPORTS_URL")  # where browsers find them
    production: Path = Path()  # what serves on this machine: models, log, inbox, verdicts
    host: str = "127.0.0.1"  # of the server that `make up` starts
    port: int = Field(default=4200, gt=0, lt=65536)
    auth: str | None = Field(default=None, repr=False)  # that server's password, "user:word"
    schedules: bool = False  # whether deployments' cron schedules are live
    pools_here: str | None = None  # work pools that get a worker on this machine; None: all
    git_is_named: bool = False  # whether CXR_GIT or the checkout names a git remote

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: dict[str, object]) -> dict[str, object]:
        """Folders that are not named lie below the project and its `.prefect`; where no git remote is, it does, too."""
        given = {name: value for name, value in given.items() if value != "" or name == "pools_here"}
        project = Path(str(given.get("project") or _CHECKOUT)).resolve()
        home = Path(str(given.get("home") or project / ".prefect")).resolve()
        named = given.get("git") or origin(project)
        own = {
            "CXR_DVC_CACHE": home / "dvc-cache",
            "CXR_CACHE": home / "scratch",
            "workspaces": home / "workspaces",
            "production": project / "production",
        }
        folders = {name: Path(str(given.get(name) or folder)).resolve() for name, folder in own.items()}
        return {
            **given,
            **folders,
            "project": project,
            "home": home,
            "git": named or str(home / "git"),
            "git_is_named": bool(named),
        }

    def own_home(self) -> Path:
        """The folder `home`, made where it is missing and closed to others."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        return self.home


def from_environment() -> Settings:
    """Settings of this process; SystemExit names a variable that can't be meant, and the reason, in one line."""
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(map(_explained, error.errors()))) from error


def _explained(fault: object) -> str:
    """One fault that pydantic found, by the variable's name."""
    place, message, value = (fault[key] for key in ("loc", "msg", "input"))  # type: ignore[index]
    name = str(place[0])
    return f"{name if name.startswith('CXR_') else f'CXR_{name.upper()}'}: {message} (got {value!r})"


def origin(project: Path) -> str | None:
    """Address of a checkout's git remote `origin`, None where it has none."""
    shown = subprocess.run(["git", "remote", "get-url", "origin"], cwd=project, capture_output=True, text=True)
    return shown.stdout.strip() or None
