"""The service: REST, CDS Hooks, the worker that turns messages into grouped cases, accounts.

``grouper serve`` starts its processes on one database (:mod:`grouper.service.supervisor`): the
*listener* receives messages, the *worker* applies and groups them, the *web* process answers people
and systems, the *forecaster* foretells the running stays each night, the *auditor* screens the stored
stays. None waits for another: they meet in the database alone.
"""
