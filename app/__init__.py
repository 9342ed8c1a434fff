"""The frame: settings wired to the Flask application, the command line, the worker. Read cli.py first."""
