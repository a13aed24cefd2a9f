"""Looks for what is wrong on this machine or with a running instance, and says what to do about it."""
