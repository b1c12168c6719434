"""The composition: what runs when Ingat is started."""
