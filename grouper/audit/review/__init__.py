"""The review of findings: states and steps as data, who may take them, deadlines, exceptions, evidence.

Nothing is stored here; :mod:`grouper.service.findings` ties it to the store.
"""
