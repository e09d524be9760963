"""DIP catalogues: the grammar of their expressions, their names, and what a sound book keeps."""
