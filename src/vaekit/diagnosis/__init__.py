"""Diagnosis: why is a trained model bad, and what to change? Every finding is a number beyond a threshold.

A chapter is a file: what a group of pathologies is, how it is measured (a function of the subject that returns plain
numbers), and its `CHECKS`. An `Examination` makes each measurement once; the doctor goes over all checks.
"""

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.doctor import CHECKS, diagnose, values
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.finding import Finding, Severity
from vaekit.diagnosis.subject import Sample, Subject
from vaekit.diagnosis.watch import Watch

__all__ = ["CHECKS", "Check", "Examination", "Finding", "Sample", "Severity", "Subject", "Watch", "diagnose", "values"]
