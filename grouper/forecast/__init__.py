"""What a running case will be: group, cost, stay and payment, each with an honest interval.

What is known of a case on a day of its stay is a *snapshot* (:mod:`grouper.forecast.snapshot`);
models learn from snapshots of finished stays and are asked about those of running ones.
"""
