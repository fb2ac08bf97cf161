"""The operators' page in Django's admin: queues, problems, charts, actions.

    sampling.py   stores the current state every few seconds, for one day
    series.py     samples into lines over time         charts.py    lines into SVG
    problems.py   the current problems, in sentences
    actions.py    the actions of operators, each logged with their name
    views.py      all of it on one page
    menu.py       links to the pages of operators   links.py     links between events, batches and users

Prometheus holds more, for longer (`deploy/`); this page needs no other program.
"""
