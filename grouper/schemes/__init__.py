"""Families of payment schemes behind one protocol."""
