"""One noun a file; no service imports another."""
