"""Networks for sequences: texts, words, and lines of digits."""
