"""Chunks, partitions and the outbox in Redis or Valkey: every step of the chunk protocol as one atomic script.

Read `connection` first (a store, its links, durability), then one module per actor: `captures` and `chunks` for ingest
and split, `partitions` for drain, `outbox` for pollers, `work` for what waits, `accounting` for the sums.
"""
