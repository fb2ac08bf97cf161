"""Tests by cost.

unit/         no network, seconds            integration/  real Postgres and Valkey
acceptance/   real processes and sockets     contracts/    imports, queues, golden frames
environment.py  where the servers of this run are   processes.py  processes that a test starts
factories.py    people, threads, messages           client.py     a socket as a test holds it
"""
