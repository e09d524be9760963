"""The bundled month of discharges, and what ``make demo`` shows with it."""
