"""Texts of the application, by language."""
