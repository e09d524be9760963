"""Migrations of the tables ``INBOX`` (:mod:`grouper.store.schema`)."""
