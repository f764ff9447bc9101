"""`cxr clean`."""

from command.clean import app
from cxr.runtime import command_line
from tests.fixtures.made_sets import put


def test_caches_go_and_everything_else_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    put(tmp_path, {".cache/x/1": "a", ".runs/train.json": "{}", "models/base/card.json": "{}"})
    assert command_line.run(app, [], "cxr clean") == 0
    assert capsys.readouterr().out.splitlines() == ["removed .cache", "removed .runs"]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
    assert command_line.run(app, [], "cxr clean") == 0 and capsys.readouterr().out == ""
