"""Migrations of the tables ``STORE`` (:mod:`grouper.store.schema`)."""
