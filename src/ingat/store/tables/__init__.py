"""One file a table: plain functions of a transaction, in SQL that every engine accepts."""
