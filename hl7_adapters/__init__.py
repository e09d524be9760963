"""What hospitals speak, brought to the Case: one package for each form."""
