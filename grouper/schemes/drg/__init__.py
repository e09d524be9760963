"""CHS-DRG: one compiled scheme, a scalar engine with a trace, and a batch engine."""
