"""The Streamlit application for the insurance office, the physician and the manager."""
