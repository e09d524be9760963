"""What the rule book of the audit is made of, beside the source."""
