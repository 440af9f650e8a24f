"""What a user touches: `fit`, `fit_prior`, `load` and `Run` in Python, the command line, the report.

Nothing is imported here: the command line answers `--help` without importing torch.
"""
