"""HL7 version 2: reading and writing messages, and what they say about a case."""
