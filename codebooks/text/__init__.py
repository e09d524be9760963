"""Message catalogues of the codebooks, by language."""
