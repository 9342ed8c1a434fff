"""The merchant's set of rules. terms.py is the document of rules, commands.py publishes versions of it."""
