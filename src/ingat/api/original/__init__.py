"""`/api/memory`: the wire format of an earlier memory service for chats, answered by this one.

See docs/api-memory.md for the format and for where it differs.
"""
