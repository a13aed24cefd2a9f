"""Charts as pure functions: rows in, `alt.Chart` out. Nothing here asks for data or knows Streamlit."""
