"""Text from outside on its way into something that another program reads: as it was meant, interpreted by nobody.

Letters, combining marks, joiners, variation selectors, emoji and the marks of direction (U+200E, U+200F, U+061C) of
all scripts stay as they came. What a reader might obey is shown as U+FFFD: control characters, lone surrogates, and
what turns the direction of the text around it. Each file has one sink, `lines` and `clusters` what all of them need.
JSON is no sink of its own: it says any text unaltered.
"""
