"""What the office asks: the point value, the month and the year, each with an honest interval.

From the bureau's published months and the hospital's own priced cases; what is closed is reckoned
exactly, what is open is simulated. ``docs/OUTLOOK.md`` says how, and how well it does.
"""
