"""Flows that cross services, one a file."""
