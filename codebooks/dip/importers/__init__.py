"""Import of DIP files: the official 3.0 workbook, a city's scores for it, a city's catalogue."""
