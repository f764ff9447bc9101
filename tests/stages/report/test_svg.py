"""Charts of the report, as SVG."""

from stages.report import svg


def test_a_chart_leaves_out_what_is_not_finite_and_escapes_its_title() -> None:
    chart = svg.line_chart(
        [svg.Series("a", [(1, 0.5), (2, float("nan")), (3, 0.25)])], "<img src=x onerror='alert(1)'>"
    )
    assert "nan" not in chart
    assert "<img" not in chart
    assert svg.line_chart([svg.Series("a", [(1, float("inf"))])], "t") == ""
