"""Versioned facts of the payment schemes: code sets, crosswalks, scheme books, and who uses which.

This package stands at the bottom of the house and imports nothing of ours.
"""
