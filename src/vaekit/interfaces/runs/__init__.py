"""Runs: training a model, and the folder that tells how it came about.

trainer      training in memory;  recording  the same into a run folder;  fitting  `fit`, `train`, `resume`
run, folder  what is left behind;  ending  its bounds and report;  logs, signals  on the way
prior, second_stage    priors that are fitted after training
subject, diagnosing, auto_fix    the doctor's visit, and training again with what was prescribed
"""
