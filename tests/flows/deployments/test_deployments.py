"""What all flows have in common."""

from pathlib import Path


def test_no_flow_keeps_its_result(root: Path) -> None:
    flows = [
        line
        for path in (root / "flows").rglob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("@flow", "@task"))
    ]
    assert len(flows) >= 8 and all("persist_result=False" in line for line in flows), flows
