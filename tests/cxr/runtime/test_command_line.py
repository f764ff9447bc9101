"""How a command line is read, and what an error of it or of the command ends with."""

from pathlib import Path

import pytest
import typer

from cxr.runtime import command_line


@pytest.fixture
def app() -> typer.Typer:
    """One command that fails as it is told to."""
    made = command_line.application()

    @command_line.command(made, "0, 1 (an error)", speaker="divide", mendable=(ZeroDivisionError,))
    def divide(by: int, status: int = 0) -> None:
        """Divide."""
        print(6 // by)
        if status:
            raise typer.Exit(status)

    return made


@pytest.mark.parametrize(
    ("given", "status", "out", "err"),
    [
        (["2"], 0, "3", ""),
        (["2", "--status", "3"], 3, "3", ""),
        (["0"], 1, "", "divide: "),
        (["two"], 2, "", "should be a valid integer"),
        (["--help"], 0, "Exit status: 0, 1 (an error).", ""),
        ([], 2, "", "Missing"),
    ],
)
def test_the_status_and_the_words(app, capsys, given, status, out, err):
    assert command_line.run(app, given, "python -m divide") == status
    shown = capsys.readouterr()
    assert out in shown.out and err in shown.err


def test_an_error_that_nobody_can_mend_is_not_hidden(app):
    @command_line.command(app, "0", name="other", mendable=(ZeroDivisionError,))
    def other() -> None:
        """Fail."""
        raise KeyError("bug")

    with pytest.raises(KeyError):
        command_line.run(app, ["other"], "x")


def test_a_group_of_one_command_keeps_its_name(capsys):
    group = command_line.application("Things.")

    @command_line.command(group, "0")
    def only() -> None:
        """Do it."""
        print("done")

    assert command_line.run(group, ["only"], "x") == 0 and capsys.readouterr().out == "done\n"
    assert command_line.run(group, ["--help"], "x") == 0 and "only" in capsys.readouterr().out


def test_a_path_starts_where_the_user_called(monkeypatch, tmp_path):
    assert command_line.given_path("a/b") == Path("a/b")
    monkeypatch.setenv("CXR_CALLED_FROM", str(tmp_path))
    assert command_line.given_path("a/b") == tmp_path / "a/b"
    assert command_line.given_path("/a/b") == Path("/a/b")


def test_a_folder_that_is_not_there_is_a_wrong_command_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert command_line.given_folder(".") == Path()
    with pytest.raises(typer.BadParameter, match="nowhere: no such folder"):
        command_line.given_folder("nowhere")
