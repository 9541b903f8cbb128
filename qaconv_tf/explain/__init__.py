"""Scores -> pictures: the report of a run, and drawings of why two images match."""

from qaconv_tf.explain.report import ReportSection, write_report

__all__ = ["ReportSection", "write_report"]
