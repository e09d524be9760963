"""CDS Hooks: what the physician's system shows at discharge and before an order is signed.

A card says into which group the case falls and why, what is missing or unclear in the record, and
what the case has cost beside the hospital's own cases of that group. It never proposes a code, and
ranks nothing by money: what is coded is what was found and done.
"""
