"""A quality cooperative that is played: who its members are, what they do, and what is true of them."""
