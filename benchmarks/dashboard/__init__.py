"""How soon the dashboard's pages can be read, as ratios to an empty page of Streamlit with one chart."""
