"""Import of officially published scheme files: the workbook, and a city's folder of tables.

An import reads, mends what is known to be a matter of form, reports, and refuses what cannot be
read; :func:`codebooks.importers.install.install` then puts the book where the registry finds it.
"""
