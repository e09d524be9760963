"""Checks of the case itself: its codes, its front page, its sums and times."""
