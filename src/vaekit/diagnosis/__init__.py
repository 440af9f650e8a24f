"""Diagnosis: what is wrong with a trained model, and what to change? Every finding is a number beyond a threshold.

A measurement is a function of the subject and returns plain numbers; an `Examination` makes each measurement once. `checks/`
has a file for each group of pathologies: its `CHECKS` compare numbers of the examination with thresholds and prescribe keys.
The doctor runs all checks.
"""

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.doctor import CHECKS, diagnose, values
from vaekit.diagnosis.examination import Examination
from vaekit.diagnosis.finding import Finding, Severity
from vaekit.diagnosis.subject import Sample, Subject
from vaekit.diagnosis.watch import Watch

__all__ = ["CHECKS", "Check", "Examination", "Finding", "Sample", "Severity", "Subject", "Watch", "diagnose", "values"]
