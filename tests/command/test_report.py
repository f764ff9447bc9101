"""`cxr report`."""

from command.report import app
from cxr.runtime import command_line


def test_a_report_that_is_not_there_is_not_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command_line.run(app, [], "cxr report") == 1
    shown = capsys.readouterr()
    assert shown.out == "" and "`make repro` makes it" in shown.err


def test_the_report_is_named_where_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/index.html").touch()
    assert command_line.run(app, [], "cxr report") == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "reports/index.html")
