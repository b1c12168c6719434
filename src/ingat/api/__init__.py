"""The HTTP interface: JSON over the table of actions."""
