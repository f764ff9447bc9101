"""The report: everything that the stages measured, as one self-contained HTML file, and as a few lines for a terminal.

Nothing is measured here. What is not there is said to be not there.
"""
