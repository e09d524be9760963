"""Regional payment policy as dated data: one folder a region, one small YAML a topic.

``docs/POLICY.md`` describes the form. :func:`codebooks.policies.policies.policies` gives what is at
hand, :meth:`~codebooks.policies.policies.Policies.on` the policy of a region on a day.
"""
