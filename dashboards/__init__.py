"""The Streamlit application for the insurance office, the physician and the manager."""

from codebooks.messages import register

register("grouper.text")
register("dashboards.text")
