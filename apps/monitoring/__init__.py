"""The health of everything: accounting, queues, hosts."""
