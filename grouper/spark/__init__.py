"""The batch functions of one machine on Apache Spark: grouping, pricing and audit of many years.

Spark carries nothing but tasks: which pieces of which files a worker takes. A worker reads them with
the readers of ``grouper group``, calls the same functions, and writes a part of the result, so that a
run can be interrupted and go on, and what comes out is what one machine writes. Files lie where all
workers see them (``docs/SPARK.md``).
"""
