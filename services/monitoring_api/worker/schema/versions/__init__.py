"""One file for each step of the store's tables, `vNNNN_name.py`; a file that was released is never edited."""
