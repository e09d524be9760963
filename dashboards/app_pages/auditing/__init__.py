"""What the pages of findings, the insurer's lists, rules and the fund share."""
