"""Each benchmark prints paired ratios; `results/` keeps what was measured, with the machine."""
