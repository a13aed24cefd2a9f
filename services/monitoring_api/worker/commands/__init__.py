"""What an operator does at the command line about alerts and messages; it works on the worker's store itself."""
