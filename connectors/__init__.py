"""One adapter per shop platform, all fulfilling core.ports. Read registry.py first."""
