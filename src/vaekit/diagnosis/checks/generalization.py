"""Generalization: is the model overfitted, are its samples copies, were test data trained on?"""

from __future__ import annotations

from vaekit.diagnosis.check import Check
from vaekit.diagnosis.remedies import smaller

__all__ = ["CHECKS"]

CHECKS = (
    Check(
        name="overfitting",
        measure="the chance that a training datum has a higher bound than a test datum, less two standard errors",
        value=lambda examination: None if (found := examination.generalization) is None else found.advantage,
        fires="above",
        # One half where nothing is overfitted. Healthy runs on 1,400 small images stay below 0.53, 200 images learned by
        # heart reach 0.62 and 60 reach 0.8.
        threshold=0.57,
        severity="warning",
        explanation="The model knows its training data better than the distribution that they come from. Bounds on training data say little about new data.",
        source='Mann and Whitney, 1947, "On a test of whether one of two random variables is stochastically larger than the other"',
        remedy="Give more data, or a model that can hold less: fewer latents, dropout, weight decay.",
        prescription=lambda examination: smaller(examination.subject),
        effect="Training and test bounds come closer.",
    ),
    Check(
        name="memorized_samples",
        measure="samples nearer to training data than to held-out data, in standard errors above one half",
        value=lambda examination: None if (found := examination.closeness) is None else found.score,
        fires="above",
        # A z-score: chance alone reaches 3 once in 740 runs, a healthy fit to few data about 2.5.
        threshold=3.5,
        severity="warning",
        explanation="Samples lie nearer to training data than to as many held-out data: the model repeats what it was "
        "shown. Samples of a distribution that was learned are as near to either.",
        source='Meehan, Chaudhuri and Dasgupta, 2020, "A non-parametric test to detect data-copying in generative models"',
        remedy="Give more data, or a model that can hold less: fewer latents, dropout, weight decay, fewer steps.",
        prescription=lambda examination: smaller(examination.subject),
        effect="Samples come nearer to held-out data.",
    ),
    Check(
        name="leakage",
        measure="the share of the test data that are training data too, byte by byte (blank ones among them); of rows of a "
        "table, beyond that of training rows which occur twice",
        value=lambda examination: None if (found := examination.overlap) is None else found.share,
        fires="above",
        # Natural duplicates are rarer: a handful among the 10,000 test data of the usual benchmarks.
        threshold=0.005,
        severity="severe",
        explanation="Some test data were trained on, so that numbers on the test part are too good. Duplicates in the "
        "data, or a part that was drawn without regard to them, are the usual reasons.",
        source='Barz and Denzler, 2020, "Do we train on test data? Purging CIFAR of near-duplicates"',
        remedy="Drop duplicates, or split again by content (what happens where data come without a split of their own), "
        "and give data that were not trained on.",
        prescription=lambda _examination: (),
        effect="Numbers on the test part become those of new data.",
    ),
)
