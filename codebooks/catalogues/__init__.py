"""Catalogues of drugs, services and materials, grey codes and the hospital's mapping: imported, dated.

See ``docs/CATALOGUE.md``. Nothing is shipped: the official catalogues are not public in a usable form.
"""
