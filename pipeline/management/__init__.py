"""Management commands: `commands/`, the subcommands of `manage.py clarion` in `clarion/`, and children.py for them."""
