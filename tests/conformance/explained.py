"""Why our answer differs from another's: capture → difference → reason. A difference that is not here is a bug, and so
is an explanation that nothing needs any more."""

_ZEEK_LENGTH = (
    "The server sends 19 bytes of head and 12,630 more until it closes (its FIN has number 12,650): Zeek counts a line "
    "end that was not sent."
)
_EARLY = (
    "The server sends a whole head with Content-Length: 4 before any request, then 19 bytes after the request. Zeek "
    "drops the early response's body and gives all 19 to the request; we keep to the announced length (RFC 9112 §6.3)."
)
_OUT_OF_ORDER = (
    "Five requests out of order. tshark dissects each packet as it comes and sees one of them; its own test for this "
    "capture finds all five with its out-of-order option on."
)
_TLS = "Inside TLS 1.2; the keys are in the file, but nothing decrypts yet."

EXPLAINED: dict[str, dict[str, str]] = {
    "zeek-http/http-09-content-length-confusion.pcap": {
        "missing:   200 0 0": _EARLY,
        "missing: GET / 0 0 19": _EARLY,
        "more:   200 0 4": _EARLY,
        "more: GET / 0 0 14": _EARLY,
    },
    "zeek-http/http-single-conn-22.pcap": {
        "missing: GET / 200 0 12632": _ZEEK_LENGTH,
        "more: GET / 200 0 12630": _ZEEK_LENGTH,
    },
    "zeek-http/no-version.pcap": {
        "missing:   None 0 0": "A row of Zeek's log with neither request nor response: nothing was sent.",
    },
    "packetbeat/gap_in_stream.pcap": {
        "missing: GET /jszip.min.js None": "tshark waits for a body that was not captured whole and gives no response.",
        "more: GET /jszip.min.js 200": "The response's head was captured; only bytes of its body are missing.",
    },
    "packetbeat/http_unmatched.pcap": {
        "more: (no request)  404": "A response before any request: tshark counts it, but lists requests only.",
    },
    "wireshark/http-ooo.pcap": {
        "more: PUT /1 None": _OUT_OF_ORDER,
        "more: GET /2 None": _OUT_OF_ORDER,
        "more: PUT /3 None": _OUT_OF_ORDER,
        "more: PUT /5 None": _OUT_OF_ORDER,
    },
    "wireshark/tls12-dsb.pcapng": {"missing: HEAD / 200": _TLS},
}

#: Responses in odd forms that browsers accept, found in `http-evader/`: this number only goes up.
EVADER_FOUND = 168
