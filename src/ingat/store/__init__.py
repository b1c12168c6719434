"""The engine that keeps rows: a contract, the engines that fill it, migrations and one file a table."""
