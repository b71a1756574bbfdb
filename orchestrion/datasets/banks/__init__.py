"""Training audio made from banks of sampled instruments."""
