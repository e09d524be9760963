"""The public benchmark: the cost of real stays (SPARCS), with our pieces beside plain ones.

Two tasks stand side by side: what is known at admission, and what is known once the record is
coded; never anything that is known only at discharge (``benchmark_columns.toml`` says what that is).
"""
