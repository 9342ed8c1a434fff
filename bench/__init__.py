"""Speed on this machine, as ratios against a baseline measured beside it in the same run. Start with __main__.py."""
