"""APG: outpatient visits by their procedures, their principal diagnosis or their services."""
