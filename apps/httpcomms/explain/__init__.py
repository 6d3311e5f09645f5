"""What was said on the wire, in plain words: header fields, cookies, credentials, anomalies. Pure; nothing here reads a
store or a clock, and every text is escaped by the template that shows it."""
