"""The pictures: one module each, a function from a table to a picture."""
