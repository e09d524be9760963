"""What ``tools/make_bundle.py`` is made of: pins, wheels, bill of materials, archive."""
