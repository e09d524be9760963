"""The service: REST, CDS Hooks, the worker that turns messages into grouped cases, accounts.

``grouper serve`` starts three processes on one database (:mod:`grouper.service.supervisor`): the
*listener* receives messages, the *worker* applies and groups them, the *web* process answers people
and systems. None waits for another: they meet in the database alone.
"""
