"""PDPM: long stays grouped by functional assessments, paid by the day."""
