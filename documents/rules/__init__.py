"""The parsing configuration of a whisperer, compiled: what its documents are named, tagged, masked and known by.

`compile_rules` takes plain values (the names of DEFAULTS) and says of wrong ones which field, why and what would do.
What it gives is frozen and applied in `documents.build`; rules that ask for nothing cost nothing there. Patterns and
paths run over what anyone sends: each has a bound on its input, its size and its results, and the time of a look grows
with the input alone.
"""

from documents.rules.compiled import DEFAULT_RULES, DEFAULTS, ParsingRules, compile_rules, problems
from documents.rules.errors import RuleError
from documents.rules.playground import try_rules

__all__ = ["DEFAULTS", "DEFAULT_RULES", "ParsingRules", "RuleError", "compile_rules", "problems", "try_rules"]
