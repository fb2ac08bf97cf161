"""Tests by tier; CONTRIBUTING.md describes each.

unit/         only the code, seconds         integration/  real Postgres and Valkey
contracts/    agreements between files       docs/         documents match the code, and their code runs
acceptance/   real processes and sockets     browser/      real Chromium on the real stack
faults/       each part broken, under load

environment.py  the servers of this run      processes.py  processes that a test starts
factories.py    users, threads, messages     client.py     a socket as a test uses it
"""
