"""Migrations, one after the other, of the two sets of tables; run by :mod:`grouper.store.migrate`.

What stands here is history: a file that was released is never changed, a change of the tables is a
new file. Types are therefore written out and not taken from :mod:`grouper.store.schema`.
"""
