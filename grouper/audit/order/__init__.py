"""One case asked while it runs: the templates once more, in plain Python over a few lines.

The engine of :mod:`grouper.audit.engine` brings the whole rule book to DuckDB before it answers,
which pays for a month of cases but not for one order. Here the book is looked up by item. Nothing
is shared with the SQL but the rows, the settings and the plan of which rules run, so that either
engine checks the other: of one case both give the same findings, ids included.
"""
