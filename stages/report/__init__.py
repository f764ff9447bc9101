"""The report: everything that the stages measured, as one self-contained HTML file, and as a few lines for a terminal.

Nothing is measured here. An input that is missing is listed in the report, with the stage that makes it.
"""
