"""Final cost, stay and payment of a running case, given its likely groups; each with an interval."""
