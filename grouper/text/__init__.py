"""Message catalogues of the groupers, by language."""
