"""The mart: facts of discharged cases in Parquet, and the figures of a slice of them by DuckDB."""
