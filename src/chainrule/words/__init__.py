"""One table of words: what other libraries call things, and what chainrule calls them.

Errors read it, so that who writes a name from memory is told ours; and the pages for those who come from another
library print it. The words stand for themselves: no room is imported here.
"""

from __future__ import annotations

from chainrule.words.argument_order import arguments, target_first
from chainrule.words.by_name import folded, part_named
from chainrule.words.libraries import LIBRARIES, answers, program
from chainrule.words.lookup import (
    is_word,
    keyword_fix,
    missing_from,
    name_fix,
    names_of_room,
    option_fix,
    role_fix,
    value_fix,
)
from chainrule.words.vocabulary import Word, words

__all__ = [
    "LIBRARIES",
    "Word",
    "answers",
    "arguments",
    "folded",
    "is_word",
    "keyword_fix",
    "missing_from",
    "name_fix",
    "names_of_room",
    "option_fix",
    "part_named",
    "program",
    "role_fix",
    "target_first",
    "value_fix",
    "words",
]
