"""The door for shop platforms: store what comes in, answer, work later. Read intake.py first."""
