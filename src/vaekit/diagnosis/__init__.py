"""Diagnosis: what is wrong with a trained model, and what to change? Every finding is a number beyond a threshold.

A measurement is a function of the subject and returns plain numbers; an `Examination` makes each measurement once. `checks/`
has a file for each group of pathologies: its `CHECKS` compare numbers of the examination with thresholds and prescribe keys.
The doctor runs all checks.
"""

from vaekit.diagnosis.check import Check as Check
from vaekit.diagnosis.doctor import CHECKS as CHECKS, diagnose as diagnose, values as values
from vaekit.diagnosis.examination import Examination as Examination
from vaekit.diagnosis.finding import Finding as Finding, Severity as Severity
from vaekit.diagnosis.subject import Sample as Sample, Subject as Subject
from vaekit.diagnosis.watch import Watch as Watch
