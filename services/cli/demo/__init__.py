"""The demo: real flights through the whole pipeline, past and live."""
