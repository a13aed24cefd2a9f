"""The HTTP side: parameters in, JSON out. No SQL here."""
