"""One module per channel: its keys in the notifications file, and how it sends."""
