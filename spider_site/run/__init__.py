"""`make run` and its relatives: everything Spider needs, on one machine, from one command.

Real servers come from Python wheels (PostgreSQL, Valkey) or from Maven (Elasticsearch). They start first and stop last;
between them run our own processes under a small supervisor. Whatever is started is recorded in the data folder, so a
start finds what a killed run left behind and adopts it (servers) or ends it (our own).

`accounts` (who servers run as) · `records` (what was started) · `servers` · `elasticsearch` · `supervisor` (our own
processes) · `prepare` (database, static files, first user) · `start` (the whole of `make run`).
"""
