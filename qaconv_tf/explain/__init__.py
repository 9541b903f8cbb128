"""Scores -> pictures: the report of a run, and the ranked strips in it."""

from qaconv_tf.explain.report import ReportSection, write_report

__all__ = ["ReportSection", "write_report"]
