"""The pages of whisperers. A view finds the whisperer with the right it needs, asks selectors, calls services, renders.

htmx gets the part it asked for, a browser the page; what is refused is said in words, with the status that fits.
"""
