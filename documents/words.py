"""Words of a text, as Unicode's word boundaries part them (UAX #29) and Elasticsearch's standard analyzer does.

Elasticsearch finds the words itself. PostgreSQL gets a regular expression that says the same about the stored text, so
this module knows the rules twice: as a pattern for the query's words, and as what may stand at their borders.
Letters, digits and underscores make words; a point, apostrophe or colon between two letters and a point, comma,
semicolon or apostrophe between two digits belong inside; an ideograph is a word of its own.
"""

import re
from itertools import pairwise

# Han, Hiragana: each character is a word.
_IDEOGRAPHS = "\u3041-\u3096\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER_JOINTS = ".':\u2019\u00b7\u2027"
_DIGIT_JOINTS = ".,;'\u2019"
_WORD = re.compile(
    rf"[{_IDEOGRAPHS}]|"
    rf"(?:[^\W{_IDEOGRAPHS}](?:(?<=[^\W\d_])[{_LETTER_JOINTS}](?=[^\W\d_{_IDEOGRAPHS}])"
    rf"|(?<=\d)[{_DIGIT_JOINTS}](?=\d))?)+"
)
# What PostgreSQL takes for letters and digits, by code point: its own classes follow the database's locale, and C has
# only ASCII. Punctuation beyond ASCII lies in the blocks left out.
_PG_LETTER = (
    r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff"
    r"\u30a1-\u30ff\u3105-\u318e\ua4d0-\ud7a3\ufb00-\ufdfb\ufe70-\ufefc"
)
_PG_WORD = f"[{_PG_LETTER}0-9_]"
_PG_LETTER = f"[{_PG_LETTER}]"


def words(text: str) -> list[str]:
    """The words of a text, in order, in lower case."""
    return [word.lower() for word in _WORD.findall(text) if word.strip("_")]


def any_case(text: str) -> str:
    """A pattern that matches the text whatever the case of its letters, in any locale."""
    parts: list[str] = []
    for char in text:
        cases = {char, char.lower(), char.upper()}
        single = sorted(case for case in cases if len(case) == 1)
        if len(single) > 1:
            parts.append("[" + "".join(single) + "]")
        else:
            parts.append(char if char.isalnum() or char == "_" or ord(char) > 127 else "\\" + char)
    return "".join(parts)


def phrase_pattern(found: list[str]) -> str:
    """A PostgreSQL pattern for these words one after the other, anywhere in a text. At least one word."""
    parts = [start_of(found[0][0]), any_case(found[0])]
    for before, word in pairwise(found):
        parts.append(f"(?!{_joint(before[-1], word[0])})" if _joint(before[-1], word[0]) else "")
        parts.append(f"(?:(?!{_PG_WORD}).)" + ("*" if _alone(before[-1]) or _alone(word[0]) else "+"))
        parts.append(any_case(word))
    parts.append(end_of(found[-1][-1]))
    return "".join(parts)


def _alone(char: str) -> bool:
    return re.fullmatch(f"[{_IDEOGRAPHS}]", char) is not None


def _joint(before: str, after: str) -> str:
    """What would join two words into one if it stood between them alone; "" if nothing would."""
    if before.isdigit() and after.isdigit():
        return f"[{_DIGIT_JOINTS}][0-9]"
    if before.isalpha() and after.isalpha() and not _alone(before) and not _alone(after):
        return f"[{_LETTER_JOINTS}]{_PG_LETTER}"
    return ""


def start_of(char: str) -> str:
    """A condition that a word begins here, with this character."""
    if _alone(char):
        return ""
    if char.isdigit():
        return f"(?<!{_PG_WORD})(?<![0-9][{_DIGIT_JOINTS}])"
    if char == "_":
        return f"(?<!{_PG_WORD})"
    return f"(?<!{_PG_WORD})(?<!{_PG_LETTER}[{_LETTER_JOINTS}])"


def end_of(char: str) -> str:
    """A condition that a word has ended here, with this character."""
    if _alone(char):
        return ""
    if char.isdigit():
        return f"(?!{_PG_WORD})(?![{_DIGIT_JOINTS}][0-9])"
    if char == "_":
        return f"(?!{_PG_WORD})"
    return f"(?!{_PG_WORD})(?![{_LETTER_JOINTS}]{_PG_LETTER})"


def inside(many: bool) -> str:
    """A pattern for one character, or any number, inside a word."""
    return f"[{_PG_WORD[1:-1]}{_LETTER_JOINTS},;]" + ("*" if many else "")
