"""The report: one HTML file that explains a run."""

from vaekit.interfaces.report.report import write_report

__all__ = ["write_report"]
