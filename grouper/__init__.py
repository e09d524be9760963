"""Grouper: payment groups for hospital cases, with a reason for every answer."""

from codebooks.messages import register

register("grouper.text")
