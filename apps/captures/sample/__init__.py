"""Made-up traffic, byte for byte: the sample capture of `make run`, and what the tests build their captures from.

Frames are packed with `struct` alone and depend on nothing but their arguments and a seed, so the same call gives the
same file for ever. From the bottom up: `frames` (one packet), `files` (pcap and pcapng), `conversation` (who says what
to whom, with everything that can go wrong on the way), `messages` (HTTP in bytes), `shop` (a small web shop at work).
"""
