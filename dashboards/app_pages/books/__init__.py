"""The parts of the page of codebooks."""
