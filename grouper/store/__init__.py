"""What is kept: raw messages, stays with every version, groupings, accounts, the audit log.

Two sets of tables (:mod:`grouper.store.schema`). The *inbox* holds the raw messages and is only
ever appended to by those who receive; the *store* holds what was made of them. On SQLite each is a
file of its own, so that receiving never waits for processing; on PostgreSQL both live in one
database. What became of a message is written in the store, in the transaction that also writes its
effects: a message is either wholly applied or not at all.
"""
