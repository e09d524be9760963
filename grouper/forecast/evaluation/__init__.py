"""Honest evaluation: back-tests with rolling origins, baselines, scores, drift, the report.

Nothing here knows a particular model: whatever learns from a :class:`~grouper.forecast.evaluation.history.History`
and answers frames with tables of ``FORECAST_SCHEMA`` is judged alike.
"""
