"""What an adapter hands over: envelopes, events, and the running record that events build.

An adapter (a :class:`~grouper.intake.forms.Form`) reads a message twice. Before it is stored, its
:class:`~grouper.intake.envelope.Envelope` is read: who sent it, what it is, whether it can be used.
After it is stored, its :class:`~grouper.intake.event.Event` objects are read and merged into the
running record of the stay (:mod:`grouper.intake.record`). Nothing here stores anything.
"""
