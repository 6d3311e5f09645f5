"""The configuration of whisperers: what agents do ("capture") and what workers do ("parsing").

`schema` tells the fields of a kind, `checks` what is wrong with values, `resolve` which values are in force: each field
has the value of the whisperer, else of its team, else of the server's defaults, else the one written in the schema.
"""
