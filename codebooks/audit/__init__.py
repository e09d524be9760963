"""The rule book of the audit: rules and their parameter rows as data, read strictly.

Use :func:`codebooks.audit.books.audit_book`.
"""
