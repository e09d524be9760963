"""Models kept as files: what they were made of, which one is approved, what was approved before.

``<data>/models/<name>/<id>/`` holds ``card.json`` and the files of one model; ``approved.json`` beside
them every approval of the name, in order. A model is written whole or not at all and never changed;
nothing in it can be run.
"""
