"""Exports: communications as files, one module a format, joined in `registry`.

A format is a generator: documents in the order of time go in, pieces of a file come out, so any number of them passes
through little memory. It reads bodies and packets through the `Job` it is given and knows neither store nor request.
Every file ends with the words of `Tally.ending`, in the form that suits it: what lacks them is no whole file.
"""
