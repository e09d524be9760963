"""The rule language: parse, print, say in words, check."""
