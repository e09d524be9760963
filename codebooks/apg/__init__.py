"""APG books: the words of their tables, their checks, their import, and their dated weights."""
