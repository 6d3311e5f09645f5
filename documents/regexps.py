r"""Regular expressions in the syntax that Lucene and PostgreSQL have in common.

A pattern is read, checked and written again so that both engines understand the same: every character that could mean
something to either is escaped, `\d`, `\w` and `\s` become the ASCII classes they are in Lucene. Kept are `.`, classes,
groups, `|` and the quantifiers; anchors, look-around and back references do not exist in Lucene.
"""

import re

from documents.values import BadValue

#: Both engines build automata from patterns; these bounds keep them small.
LENGTH = 400
#: What Elasticsearch takes as a pattern (index.max_regex_length is 1,000), less the escapes of wildcards.
PATTERN_LENGTH = 490
REPEATS = 100

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\\t\\\n\\\r"}
_QUANTIFIER = re.compile(r"[?*+]|\{(\d{1,3})(?:(,)(\d{1,3})?)?\}")


def check(pattern: str) -> str:
    """The pattern in the common syntax, to be matched against a whole value. Raises BadValue."""
    if len(pattern) > LENGTH:
        raise BadValue(f"a regular expression has at most {LENGTH} characters")
    common = _Reader(pattern).read()
    if len(common) > 2 * PATTERN_LENGTH:
        raise BadValue("the regular expression is too long once its classes are written out")
    return common


def escape(char: str) -> str:
    """A character that stands for itself in both syntaxes."""
    return char if char.isalnum() or ord(char) > 127 else "\\" + char


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.out: list[str] = []

    def read(self) -> str:
        depth = 0
        empty = True  # the branch so far
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char in "|)" and empty:
                raise BadValue("a regular expression has an empty branch or group")
            if char == "(":
                depth += 1
                self._take("(")
                empty = True
                continue
            if char == "|":
                self._take("|")
                empty = True
                continue
            if char == ")":
                depth -= 1
                if depth < 0:
                    raise BadValue("a parenthesis in the regular expression was never opened")
                self._take(")")
            else:
                self._atom(char)
            empty = False
            self._quantifier()
        if depth or empty:
            raise BadValue("the regular expression ends too early")
        return "".join(self.out)

    def _take(self, text: str) -> None:
        self.out.append(text)
        self.at += 1

    def _atom(self, char: str) -> None:
        if char in "?*+{}":
            raise BadValue(f"{char} in the regular expression has nothing to repeat; escape it to mean itself")
        if char == "[":
            self._class()
        elif char == "\\":
            self.out.append(self._escaped(inside=False))
        elif char == ".":
            self._take(".")
        else:
            self._take(escape(char))

    def _escaped(self, *, inside: bool) -> str:
        char = self.pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if char.lower() in _CLASSES and char:
            members = _CLASSES[char.lower()]
            if inside:
                if char.isupper():
                    raise BadValue(f"\\{char} cannot stand inside a class")
                return members
            return f"[^{members}]" if char.isupper() else f"[{members}]"
        if not char or char.isalnum():
            raise BadValue(f"\\{char} is not known in regular expressions here")
        return escape(char)

    def _class(self) -> None:
        out = ["["]
        self.at += 1
        if self.pattern.startswith("^", self.at):
            out.append("^")
            self.at += 1
        first = True
        while True:
            if self.at >= len(self.pattern):
                raise BadValue("a class in the regular expression has no end")
            char = self.pattern[self.at]
            if char == "]" and not first:
                break
            if char == "]":
                raise BadValue("a class in the regular expression is empty; escape ] to mean itself")
            first = False
            out.append(self._member(char))
        self.at += 1
        self.out.append("".join(out) + "]")

    def _member(self, char: str) -> str:
        """One character or range of a class."""
        low = self._escaped(inside=True) if char == "\\" else self._plain(char)
        following = self.pattern[self.at + 1 : self.at + 2]
        if not self.pattern.startswith("-", self.at) or following in ("", "]"):
            return low
        self.at += 1
        high = self._escaped(inside=True) if following == "\\" else self._plain(following)
        if low[-1] > high[-1] or len(low) > 2 or len(high) > 2:
            raise BadValue("a range in the regular expression's class goes backwards")
        return f"{low}-{high}"

    def _plain(self, char: str) -> str:
        self.at += 1
        return escape(char)

    def _quantifier(self) -> None:
        found = _QUANTIFIER.match(self.pattern, self.at)
        if found is None:
            return
        low, comma, high = found.groups()
        counts = [int(count) for count in (low, high) if count]
        if any(count > REPEATS for count in counts) or (len(counts) == 2 and counts[0] > counts[1]):
            raise BadValue(f"a repetition in the regular expression is at most {REPEATS} and goes upwards")
        self.out.append(found[0] if comma or low is None else f"{{{low}}}")
        self.at = found.end()
