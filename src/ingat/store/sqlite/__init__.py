"""The SQLite engine: one file in write-ahead mode, one writer with group commit, readers on their own connections."""
