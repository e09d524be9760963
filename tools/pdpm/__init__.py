"""Sources and steps of the PDPM books."""
