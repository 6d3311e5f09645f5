"""The agent: captures packets beside the services, or reads a capture file, and uploads numbered chunks.

It stands alone: standard library and Python 3.9 syntax, and of the project only `wire.pcapfile`. The way of a packet:
`source_file` or `source_interface` (with `ring`) make chunks, `uploader` numbers and queues them, `api` sends them.
As a service (`commands`, `service`) it does what the server's `control` says, in a `session` for each interface.
"""

VERSION = "0.1"
