"""HTTP/1.0, 1.1 and 0.9 as a witness sees them: bytes of both directions in, exchanges out."""
