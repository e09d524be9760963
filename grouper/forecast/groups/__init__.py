"""The final group of a running case: the grouper's answer on what is known, corrected by what came of others.

Candidates come from counted transitions (:mod:`.transitions`), a ranker weighs them (:mod:`.ranker`),
later stays make the probabilities honest (:mod:`.calibration`).
"""
