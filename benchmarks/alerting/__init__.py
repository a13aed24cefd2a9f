"""Alert rules: how many are evaluated in a second."""
