"""The studio: a page on this machine where scores are drawn, composed, played and compared; `server.serve` opens it."""
