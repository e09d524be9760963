"""Readers of case files: :func:`open_source` finds the right one.

Row numbers are 1-based numbers of data records: the header of a CSV file is not counted, nor are
blank lines; a record that spans several lines counts once.
"""

from grouper.case.readers.opening import open_source
from grouper.case.readers.source import CaseBatch, Source

__all__ = ["CaseBatch", "Source", "open_source"]
