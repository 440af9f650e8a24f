"""What a user touches: `fit`, `train`, `load` and `Run` in Python, the command line, the report.

    describing    keys and experiments;  runs  training, run folders;  media  how each kind of data is shown
    measures      numbers beside the bounds;  report  the page;  cli  the command line

Nothing is imported here: the command line answers `--help` without importing torch.
"""
