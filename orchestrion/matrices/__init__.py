"""Matrix products of packed weights, compiled for the host: what the renderer's and the composer's samplers spend their time in."""
