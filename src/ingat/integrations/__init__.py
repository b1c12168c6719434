"""Integrations: what connects a program of yours with a memory."""
