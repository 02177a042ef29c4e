"""Characters of which identifiers may be made."""

from hypothesis import strategies as st

# Not in Unicode's category Cf, and yet nobody sees them: combining grapheme joiner, fillers, variation selectors, the empty glyph.
UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
letters = st.characters(exclude_categories=("Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs"), exclude_characters=UNSEEN)
