"""The door for merchants and support staff: one module per group of screens, with its forms and templates."""
