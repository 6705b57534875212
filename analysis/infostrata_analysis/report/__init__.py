"""The report of a job: one HTML file that needs nothing else, made of what its folder holds."""

from .page import write_report

__all__ = ["write_report"]
