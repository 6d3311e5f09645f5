"""What a screen shows of a body at most; a download has all of it. Hostile bodies then cost a browser nothing."""

#: Characters of text, and bytes as a dump, in one portion; the next one can be asked for.
MAX_TEXT = 256 * 1024
MAX_HEX = 16 * 1024
#: Lines, nodes or rows of a view that gives a body a structure.
MAX_NODES = 3_000
MAX_DEPTH = 60
#: Entries shown of one list or object; the rest is counted.
MAX_ITEMS = 500
#: Characters of one value within a structure.
MAX_VALUE = 4_000
#: Text larger than this is given no structure: parsing and folding it would not help anyone.
MAX_STRUCTURED = 1024 * 1024
#: Fields of a form, parts of a multipart body, and bytes and lines of a part's head.
MAX_FIELDS = 1_000
MAX_PARTS = 100
MAX_PART_HEAD = 16 * 1024
MAX_PART_FIELDS = 50
#: Pixels of an image that is drawn: a small file may claim to be larger than a browser's memory.
MAX_PIXELS = 64_000_000
MAX_IMAGE = 16 << 20
