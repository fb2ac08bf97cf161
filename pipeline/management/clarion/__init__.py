"""The subcommands of `manage.py clarion`, one module each.

A module has HELP, `add_arguments(parser)` and `handle(command, **options)`; commands/clarion.py lists the modules.

    dev.py     run worker, beat and edge in one terminal
    doctor.py  find out why notifications do not arrive
    env.py     print the environment of edges
    rekey.py   give the inbox of a user to another key
"""
