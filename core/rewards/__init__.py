"""What points buy. redemption/ is the whole life of one such spend."""
