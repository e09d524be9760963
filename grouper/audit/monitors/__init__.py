"""What is watched by department and month, and is no finding: shares, held against their own history."""
