"""Sound and keys in real time: devices, and the loop between them."""
