"""Why are these slow or wrong: what is over-represented among some cases, compared with the others."""
