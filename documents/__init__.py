"""Events to documents, the field table, and the query language: pure, no server and no clock."""
