"""A whole file of cases through the groupers: choose the scheme, group, write, and keep count."""
