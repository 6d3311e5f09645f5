"""Odd traffic, by code: recorded and carried on from, never raised. One line of meaning each; the docs page and the
detail screen are made from this table. A code that is not here is a bug (a test checks it)."""

ANOMALIES: dict[str, str] = {
    # Capture files.
    "captureCorrupt": "The capture file holds a length that cannot be true; what came before it was read.",
    "captureCutOff": "The capture file ends inside a record; every whole record was read.",
    "captureSecretsDropped": "The capture file holds more decryption secrets than are kept; the first were kept.",
    # TCP.
    "overlapConflict": "The same bytes came twice and differ; the first to arrive were kept.",
    "resetOutOfWindow": "A reset far outside the window was ignored.",
    # HTTP start lines and header fields.
    "bareCr": "A head has a CR without LF.",
    "bareLf": "A head has lines that end with LF alone.",
    "foldedLine": "A header field goes on in the next line, as HTTP once allowed.",
    "headCut": "The connection ended inside a head; what there is of it is shown.",
    "headTooLong": "A head is longer than the limit; its first lines were kept and its body was not read.",
    "lineWithoutColon": "A header line has no colon; it was left out.",
    "noVersion": "A request line has no HTTP version, as in HTTP/0.9.",
    "nonsense": "Bytes where a message should begin are none; they were passed over to the next message.",
    "nulInHead": "A head has NUL bytes; they were left out.",
    "oddHeaderName": "A header field's name is empty or has characters that names may not have.",
    "oddHeaderValue": "A header field's value begins with another colon.",
    "oddStartLine": "A start line is not as HTTP says, but can be understood.",
    # HTTP bodies.
    "badChunkSize": "A chunk has no readable size; the body ends there.",
    "badContentLength": "Content-Length is no number, or says different things.",
    "bodyCut": "A body is longer than the limit; its first bytes were kept.",
    "lengthAndChunked": "A message has both Content-Length and Transfer-Encoding, which may be smuggling.",
    "notChunked": "A body is announced as chunked but is not; its length or the connection's end was believed.",
    "oddChunkSize": "A chunk's size is followed by characters that do not belong there.",
    "oddTransferEncoding": "Transfer-Encoding names unknown codings, or chunked not once and last.",
    "repeatedContentLength": "Content-Length stands there more than once, with the same value.",
    "trailersCut": "The connection ended inside the trailer fields, after the whole body.",
    "unexpectedBody": "A response that may have no body has one.",
    # HTTP exchanges.
    "tooManyInterim": "More interim responses came than are kept.",
    "tooManyWaiting": "More requests waited for responses than are kept; the oldest was written without one.",
    # Bodies and documents.
    "encodingChecksum": "The checksum at the end of a compressed body is wrong; the data was kept.",
    "encodingCorrupt": "A compressed body cannot be decoded to its end; what came before the fault was kept.",
    "encodingCut": "A compressed body ends too early; what there is was decoded.",
    "encodingLimit": "A body decodes to more than the limit; the rest was left out.",
    "encodingMany": "More content codings are announced than are undone; the body was kept as it is.",
    "encodingNotApplied": "A content coding is announced but the body is not coded so; it was kept as it is.",
    "encodingRatio": "A body decodes to far more than its size allows, as only bombs do; the rest was left out.",
    "encodingTrailing": "Bytes follow the end of a compressed body; they were left out.",
    "encodingUnknown": "A content coding is announced that no browser knows; the body was kept as it is.",
    "paramsCut": "The query has more parameters than are kept; the rest is in the URI alone.",
}
