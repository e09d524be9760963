"""Two schemes side by side: what a month, or one case, becomes under the one and under the other."""
