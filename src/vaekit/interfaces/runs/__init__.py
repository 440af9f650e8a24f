"""Runs: training a model, and the folder that records it.

trainer      training in memory;  recording  the same into a run folder;  fitting  `fit`, `train`, `resume`
run, folder  the result;  ending  its bounds and report;  logs, signals  during training
prior, second_stage, refitting    priors that are fitted after training
subject, diagnosing, auto_fix    diagnosis of a run, and training again with the prescribed keys
"""
